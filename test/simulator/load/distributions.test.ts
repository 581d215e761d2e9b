import assert from "node:assert/strict";
import test from "node:test";
import { drawExponential, drawLength, drawWhole, drawZipf } from "../../../simulator/load/distributions.ts";
import { bytesPerToken, randomText } from "../../../simulator/load/text.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { countBy } from "./count-by.ts";

const draws = 20_000;
function sample(draw: () => number): number[] {
  return Array.from({ length: draws }, draw);
}
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test("drawExponential has the mean it is given", () => {
  const random = createRandom(1);
  assert.ok(Math.abs(mean(sample(() => drawExponential(random, 5))) - 5) < 0.2);
});

test("drawWhole gives every number of the range equally often", () => {
  const random = createRandom(2);
  const counts = countBy(sample(() => drawWhole(random, 2, 5)));
  assert.deepEqual(
    [...counts.keys()].toSorted((a, b) => a - b),
    [2, 3, 4, 5],
  );
  for (const count of counts.values()) assert.ok(Math.abs(count / draws - 0.25) < 0.02);
});

test("drawLength stays in its range around its median", () => {
  const random = createRandom(3);
  const lengths = sample(() => drawLength(random, { median: 40, sigma: 0.6, min: 8, max: 160 })).toSorted(
    (a, b) => a - b,
  );
  assert.equal(lengths[0], 8);
  assert.equal(lengths.at(-1), 160);
  assert.ok(Math.abs((lengths[draws / 2] ?? 0) - 40) <= 2);
});

test("drawZipf draws rank 0 twice as often as rank 1", () => {
  const random = createRandom(4);
  const counts = countBy(sample(() => drawZipf(random, 4)));
  assert.deepEqual(
    [...counts.keys()].toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  );
  const ratio = (counts.get(0) ?? 0) / (counts.get(1) ?? 1);
  assert.ok(Math.abs(ratio - 2) < 0.2);
});

test("randomText has exactly its number of tokens", () => {
  const text = randomText(createRandom(5), 100);
  assert.equal(Buffer.byteLength(text), 100 * bytesPerToken);
  assert.match(text, /^([a-z]{3} )+$/);
});
