import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createProgram } from "../../src/cli/epp.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const readme = read("README.md");

test("README.md shows the demo's config as it ships", () => {
  const shown = /<!-- config -->\n```yaml\n([^]*?)\n```/.exec(readme)?.[1];
  const shipped = read("manifests/config/demo.yaml")
    .replace(/^#.*\n/gm, "")
    .trimEnd();
  assert.equal(shown?.trimEnd(), shipped);
});

test("README.md links only to what exists", () => {
  const links = [...readme.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, path]) => path ?? "");
  assert.ok(links.length > 5);
  assert.deepEqual(
    links.filter((path) => !existsSync(new URL(path, root))),
    [],
  );
});

test("README.md lists every command there is", async () => {
  const listed = [...readme.matchAll(/^\| `epp ([a-z]+)` \|/gm)].map(([, name]) => name ?? "");
  const program = await createProgram();
  const visible = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name())
    .filter((name) => name !== "help");
  assert.deepEqual(listed.toSorted(), visible.toSorted());
});
