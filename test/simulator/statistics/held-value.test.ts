import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeldValue } from "../../../simulator/statistics/held-value.ts";

const aValue = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 50 }) }, fc.constant(Number.NaN));
const moments = fc
  .uniqueArray(fc.integer({ min: 0, max: 1000 }), { maxLength: 12 })
  .map((times) => times.toSorted((a, b) => a - b))
  .chain((times) => fc.tuple(...times.map((atMs) => fc.record({ atMs: fc.constant(atMs), value: aValue }))));
const window = fc.tuple(fc.integer({ min: -50, max: 1100 }), fc.integer({ min: 1, max: 500 }));

test("the mean of a window is that of running through all moments, NaN where nothing is known", () => {
  fc.assert(
    fc.property(moments, window, (told, [fromMs, lengthMs]) => {
      const [found, expected] = [new HeldValue(told).mean(fromMs, fromMs + lengthMs), meanByMs(told, fromMs, lengthMs)];
      assert.equal(Number.isNaN(found), Number.isNaN(expected));
      assert.ok(Number.isNaN(found) || Math.abs(found - expected) < 1e-9, `${found}, expected ${expected}`);
    }),
  );
});

/** Mean over the whole milliseconds of a window. */
function meanByMs(told: readonly { atMs: number; value: number }[], fromMs: number, lengthMs: number): number {
  const values = Array.from({ length: lengthMs }, (_, i) => told.findLast(({ atMs }) => atMs <= fromMs + i)?.value);
  const known = values.filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

test("values weigh by how long they hold, within the window, without unknown stretches", () => {
  const held = new HeldValue([
    { atMs: 0, value: 4 },
    { atMs: 150, value: Number.NaN },
    { atMs: 160, value: 8 },
    { atMs: 300, value: 1000 },
  ]);
  assert.equal(held.mean(100, 200), (4 * 50 + 8 * 40) / 90);
  assert.equal(new HeldValue([]).mean(0, 1), Number.NaN);
});
