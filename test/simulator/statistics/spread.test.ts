import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jainIndex } from "../../../simulator/statistics/jain.ts";
import { spreadOf } from "../../../simulator/statistics/spread.ts";

test("quantiles are nearest rank", () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(spreadOf(values), { mean: 50.5, p50: 50, p90: 90, p99: 99, p95: 95, max: 100 });
  const none = spreadOf(new Float64Array(0));
  assert.ok(Object.values(none).every((value) => Number.isNaN(value)));
});

test("quantiles ascend and are among the values", () => {
  const numbers = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, (values) => {
      const { p50, p90, p95, p99, max } = spreadOf(Float64Array.from(values));
      assert.ok(p50 <= p90 && p90 <= p95 && p95 <= p99 && p99 <= max);
      for (const value of [p50, p90, p95, p99, max]) assert.ok(values.some((one) => one === value));
    }),
  );
});

test("Jain's index is 1 for equals and 1/n when one has everything", () => {
  assert.equal(jainIndex([3, 3, 3]), 1);
  assert.equal(jainIndex([0, 0, 5, 0]), 0.25);
  assert.ok(Number.isNaN(jainIndex([])));
});
