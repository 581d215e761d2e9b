import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { acceptedFlags, unavailableFlags } from "../../src/cli/serve-flags.ts";

const page = readFileSync("docs/operations.md", "utf8");

test("docs/operations.md names every flag of the reference that has no effect here, or is refused as deprecated", () => {
  const [table = ""] = /^\| \[flags\]\(flags\.md\) \|.*$/m.exec(page) ?? [];
  const deprecated = Object.entries(unavailableFlags).flatMap(([flag, hint]) =>
    hint.startsWith("deprecated") ? [flag] : [],
  );
  assert.equal(deprecated.length, 5);
  const isNamed = (flag: string): boolean =>
    table.includes(`\`${flag}\``) || (flag.startsWith("--zap-") && table.includes("`--zap-*`"));
  assert.deepEqual(
    [...acceptedFlags, ...deprecated].filter((flag) => !isNamed(flag)),
    [],
  );
});

test("links within docs/operations.md lead to its headings", () => {
  const anchors = [...page.matchAll(/^##+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor);
  assert.ok(links.length > 5);
  assert.deepEqual(
    links.filter((link) => !anchors.includes(link)),
    [],
  );
});
