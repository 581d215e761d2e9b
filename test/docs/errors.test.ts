import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { refusals } from "../../src/routing/decision.ts";

test("docs/errors.md lists every refusal with its status and code", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| `rejected-"));
  const want = Object.entries(refusals).map(
    ([reason, { status, code }]) => `| \`${reason}\` | ${status} | \`${code}\` |`,
  );
  const firstColumns = rows.map((row) => `${row.split(" | ").slice(0, 3).join(" | ")} |`);
  assert.deepEqual(firstColumns, want);
});
