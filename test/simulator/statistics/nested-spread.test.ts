import assert from "node:assert/strict";
import { test } from "node:test";
import { groupMeans, nestedSpread } from "../../../simulator/statistics/nested-spread.ts";
import { createRandom } from "../../../src/lib/random.ts";

test("groups of equal values differ from group to group alone", () => {
  assert.deepEqual(nestedSpread([1, 1, 3, 3, 5, 5], 2), { between: 2, low: 1, high: 5, within: 0 });
});

test("groups with equal means differ within alone", () => {
  const { between, low, high, within } = nestedSpread([1, 3, 1, 3], 2);
  assert.deepEqual([between, low, high], [0, 2, 2]);
  assert.ok(Math.abs(within - Math.SQRT2) < 1e-12);
});

test("with one value each nothing is known of what is within", () => {
  const { between, within } = nestedSpread([1, 3, 5], 1);
  assert.deepEqual([between, within], [2, Number.NaN]);
  assert.deepEqual(groupMeans([1, 3, 5], 1), [1, 3, 5]);
});

test("both parts of drawn values come back, neither in the other", () => {
  const random = createRandom(7);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const values = Array.from({ length: 2000 }, () => 3 * normal()).flatMap((group) => [
    group + 4 * normal(),
    group + 4 * normal(),
  ]);
  const { between, within } = nestedSpread(values, 2);
  assert.ok(Math.abs(between - 3) < 0.25 && Math.abs(within - 4) < 0.2, `${between}, ${within}`);
});
