import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LruSet, lruSetBytes, lruSetKeys } from "../../src/lib/lru-set.ts";

type Step = { readonly kind: "touch"; readonly key: number } | { readonly kind: "limit"; readonly limit: number };

/** Few low words, so that searches collide, and high words that differ above bit 31. */
const wordsOf = (key: number): [number, number] => [key % 7, 0xffff_ff00 + key];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("touch" as const), key: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("limit" as const), limit: fc.integer({ min: 1, max: 150 }) }) },
);

test("LruSet holds the newest keys in order of touch, like a list would", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 150 }), fc.array(step, { maxLength: 600 }), (firstLimit, steps) => {
      const set = new LruSet(firstLimit);
      let limit = firstLimit;
      let model: number[] = []; // newest first
      for (const action of steps) {
        if (action.kind === "limit") {
          limit = action.limit;
          set.setLimit(limit);
        } else {
          const isNew = !model.includes(action.key);
          assert.equal(set.touch(...wordsOf(action.key)), isNew);
          model = [action.key, ...model.filter((key) => key !== action.key)];
        }
        model = model.slice(0, limit);
      }
      assert.deepEqual([...set.keys()], model.map(wordsOf));
      assert.equal(set.size, model.length);
      assert.ok(set.bytes <= lruSetBytes(limit));
      for (let key = 0; key <= 200; key++) assert.equal(set.has(...wordsOf(key)), model.includes(key));
    }),
    { numRuns: 60 },
  );
});

test("LruSet takes memory for the keys it holds, not for its limit", () => {
  const set = new LruSet(1_000_000);
  const empty = set.bytes;
  for (let key = 0; key < 4096; key++) set.touch(Math.imul(key, 0x9e3779b1), key);
  assert.equal(set.bytes, 4096 * 24);
  set.setLimit(1);
  assert.equal(set.size, 1);
  assert.equal(set.bytes, empty);
});

test("lruSetBytes and lruSetKeys round to arrays that double", () => {
  assert.deepEqual([1, 64, 65, 128, 31_250].map(lruSetBytes), [1536, 1536, 3072, 3072, 786_432]);
  assert.deepEqual([0, 1536, 3071, 3072, 786_432].map(lruSetKeys), [64, 64, 64, 128, 32_768]);
});
