import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { lineSchema } from "../../src/recording/line.ts";

/** One row a kind of line: its fields in order, optional ones with a question mark. */
function rows(): string[] {
  return lineSchema.options.map(({ shape }) => {
    const { kind, ...fields } = shape;
    const names = Object.entries(fields).map(
      ([name, schema]) => `\`${name}${schema.safeParse(undefined).success ? "?" : ""}\``,
    );
    return `| \`${kind.value}\` | ${names.join(", ")} |`;
  });
}

test("docs/recording.md lists every kind of line with its fields", () => {
  const page = readFileSync(new URL("../../docs/recording.md", import.meta.url), "utf8");
  const table = page.split("| kind | fields |\n|---|---|\n")[1]?.split("\n\n")[0];
  assert.equal(table, rows().join("\n"));
});
