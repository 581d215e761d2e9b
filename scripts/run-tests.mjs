#!/usr/bin/env node
// Runs every test of test/, without test/kube, and ends with the list of what was skipped and why.
//   node scripts/run-tests.mjs [FILE...]
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { createSkipList } from "./skip-list.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const named = process.argv.slice(2);
const files = (named.length > 0 ? named : testFiles("test")).map((file) => join(root, file));
if (files.length === 0) {
  process.stderr.write('Cannot run tests: no file under "test" ends in .test.ts\n');
  process.exit(1);
}
// Files run in processes of their own, which take Node's options from here.
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --import=tsx`.trim();

const skips = createSkipList(root);
const summary = [];
const events = run({ files, concurrency: true });
events.on("test:pass", skips.add);
events.on("test:fail", ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
events.compose(withoutSummary).compose(spec).pipe(process.stdout);
process.on("exit", () => process.stdout.write(skips.format() + summary.map((line) => `# ${line}\n`).join("")));

/** Holds back the run's own counts, so that they are the last lines, in the form in which every version of Node's TAP has them. */
async function* withoutSummary(source) {
  for await (const event of source) {
    const isCount =
      event.type === "test:diagnostic" &&
      /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(event.data.message);
    if (isCount && event.data.nesting === 0) summary.push(event.data.message);
    else yield event;
  }
}

function testFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return path === join("test", "kube") ? [] : testFiles(path);
    return entry.name.endsWith(".test.ts") ? [path] : [];
  });
}
