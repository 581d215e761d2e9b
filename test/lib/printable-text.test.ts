import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printableText } from "../../src/lib/printable-text.ts";

const cases: readonly (readonly [text: string, maxLength: number, want: string])[] = [
  ["plain text: ~!", 80, "plain text: ~!"],
  ["\u001b[31mred\u001b[0m\r\n", 80, "?[31mred?[0m??"],
  ["a\u202eb\u0000ü", 80, "a?b??"],
  ["abcdefghij", 10, "abcdefghij"],
  ["abcdefghijk", 10, "abcdefg..."],
];
for (const [text, maxLength, want] of cases) {
  test(`printableText makes ${JSON.stringify(text)} ${JSON.stringify(want)}`, () => {
    assert.equal(printableText(text, maxLength), want);
  });
}

test("printableText gives printable ASCII of at most the length asked for", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 3, max: 100 }), (text, maxLength) => {
      const made = printableText(text, maxLength);
      assert.match(made, /^[\x20-\x7e]*$/);
      assert.ok(made.length <= maxLength);
    }),
  );
});
