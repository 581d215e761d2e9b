import assert from "node:assert/strict";
import { test } from "node:test";
import { meanInterval, pairedDifference, spansZero } from "../../../simulator/statistics/interval.ts";

test("the interval of a mean is t times its standard error on both sides", () => {
  // Mean 5, sample deviation 2, four values: 3.182 x 2 / 2.
  const { mean, low, high } = meanInterval([5 - Math.sqrt(6), 5, 5, 5 + Math.sqrt(6)]);
  assert.ok(Math.abs(mean - 5) < 1e-12);
  assert.ok(Math.abs(high - 5 - 3.1824) < 1e-3 && Math.abs(5 - low - 3.1824) < 1e-3);
});

test("one value has a mean and no interval; no value has neither", () => {
  assert.deepEqual(meanInterval([3]), { mean: 3, low: Number.NaN, high: Number.NaN });
  assert.deepEqual(meanInterval([]), { mean: Number.NaN, low: Number.NaN, high: Number.NaN });
});

test("an unknown value makes the whole interval unknown", () => {
  assert.deepEqual(meanInterval([1, Number.NaN, 2]), { mean: Number.NaN, low: Number.NaN, high: Number.NaN });
});

test("pairing takes out what both saw", () => {
  const common = [10, 2000, 30, 4000, 50];
  const { mean, low, high } = pairedDifference(
    common.map((value, i) => value - 1 - i * 0.01),
    common,
  );
  assert.ok(mean < -1 && low < mean && high < -0.9);
  assert.throws(() => pairedDifference([1], [1, 2]), RangeError);
});

test("an interval that holds zero, touches it or does not exist decides nothing", () => {
  const rows: [low: number, high: number, spans: boolean][] = [
    [-1, 1, true],
    [0, 1, true],
    [-1, 0, true],
    [0.1, 1, false],
    [-1, -0.1, false],
    [Number.NaN, Number.NaN, true],
  ];
  for (const [low, high, spans] of rows) assert.equal(spansZero({ mean: 0, low, high }), spans, `${low} to ${high}`);
});
