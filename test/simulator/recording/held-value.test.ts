import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TimeMean } from "../../../simulator/gate/time-mean.ts";
import { HeldValue } from "../../../simulator/recording/held-value.ts";

const aValue = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 50 }) }, fc.constant(Number.NaN));
const moments = fc
  .uniqueArray(fc.integer({ min: 0, max: 1000 }), { maxLength: 12 })
  .map((times) => times.toSorted((a, b) => a - b))
  .chain((times) => fc.tuple(...times.map((atMs) => fc.record({ atMs: fc.constant(atMs), value: aValue }))));
const window = fc.tuple(fc.integer({ min: -50, max: 1100 }), fc.integer({ min: 1, max: 500 }));

test("the mean of a window is that of running through all moments, NaN where nothing is known", () => {
  fc.assert(
    fc.property(moments, window, (told, [fromMs, lengthMs]) => {
      const straight = new TimeMean(fromMs, fromMs + lengthMs);
      for (const { atMs, value } of told) straight.set(atMs, value);
      const [found, expected] = [new HeldValue(told).mean(fromMs, fromMs + lengthMs), straight.end()];
      assert.equal(Number.isNaN(found), Number.isNaN(expected));
      assert.ok(Number.isNaN(found) || Math.abs(found - expected) < 1e-9, `${found}, expected ${expected}`);
    }),
  );
});
