import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { percentiles } from "../../../simulator/demo/statistics.ts";
import { quantileOf } from "../../../simulator/statistics/spread.ts";

test("quantile is the nearest rank", () => {
  const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assert.deepEqual(
    [0, 0.1, 0.11, 0.5, 0.9, 0.91, 1].map((share) => quantileOf(sorted, share)),
    [1, 1, 2, 5, 9, 10, 10],
  );
  assert.equal(quantileOf([], 0.5), Number.NaN);
});

test("percentiles are values of the sample, in order, whatever its order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1 }), (values) => {
      const { p50, p90, p99 } = percentiles(values);
      assert.ok(p50 <= p90 && p90 <= p99);
      for (const value of [p50, p90, p99]) assert.ok(values.includes(value));
    }),
  );
});
