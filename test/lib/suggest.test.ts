import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, suggest } from "../../src/lib/suggest.ts";

const known = ["queue-scorer", "kv-cache-utilization-scorer", "weight", "name"];
const cases: [word: string, nearest: string | undefined][] = [
  ["queue-scorrer", "queue-scorer"],
  ["queue-scoerr", "queue-scorer"],
  ["Queue-Scorer", "queue-scorer"],
  ["kv-cache-scorer", undefined],
  ["wieght", "weight"],
  ["nam", "name"],
  ["na", undefined],
  ["", undefined],
  ["something-else", undefined],
];

for (const [word, nearest] of cases) {
  test(`suggest takes "${word}" for ${nearest ?? "nothing known"}`, () => assert.equal(suggest(word, known), nearest));
}

test("didYouMean is empty without a suggestion", () => {
  assert.equal(didYouMean("nam", known), ', did you mean "name"?');
  assert.equal(didYouMean("zzz", known), "");
});
