import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { forEachCsvRow } from "../../../simulator/traces/csv-rows.ts";
import { RowProblems } from "../../../simulator/traces/row-problems.ts";

function rowsOf(text: string): { readonly rows: unknown[]; readonly skipped: number } {
  const rows: unknown[] = [];
  const problems = new RowProblems("f");
  forEachCsvRow(text, problems, (fields, line) => rows.push([line, ...fields]));
  return { rows, skipped: problems.count };
}

test("rows without quotes read the same as with each field quoted", () => {
  const field = fc.string({ unit: fc.constantFrom("a", "7", ".", " x", "-"), minLength: 1, maxLength: 4 });
  const row = fc.array(field, { minLength: 1, maxLength: 4 }).filter((fields) => fields.join("").trim() !== "");
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (rows, feed) => {
      const header = ["one", "two", "three"].join(",");
      const bare = [header, ...rows.map((fields) => fields.join(","))].join(feed) + feed;
      const quoted = [header, ...rows.map((fields) => fields.map((text) => `"${text}"`).join(","))].join(feed) + feed;
      assert.deepEqual(rowsOf(quoted), rowsOf(bare));
    }),
  );
});

test("a quoted field may hold commas and line feeds; lines stay right after it", () => {
  const { rows, skipped } = rowsOf('a,b\n"x, y",1\n"p\nq",2\nlast,3\n');
  assert.deepEqual(rows, [
    [2, "x, y", "1"],
    [4, "p\nq", "2"],
    [5, "last", "3"],
  ]);
  assert.equal(skipped, 0);
});
