import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatMsTick, logTicks } from "../../../simulator/report/plot-kit.ts";

const rows: readonly (readonly [values: readonly number[], ticks: readonly number[]])[] = [
  [
    [0.9, 20_000],
    [1, 10, 100, 1000, 10_000],
  ],
  [
    [10, 1000],
    [10, 30, 100, 300, 1000],
  ],
  [
    [45, 900],
    [50, 100, 200, 500],
  ],
  [
    [9800, 13_700],
    [10_000, 11_000, 12_000, 13_000],
  ],
  [[5, 5], [5]],
  [[0, -3, Number.NaN], []],
];
for (const [values, ticks] of rows) {
  test(`ticks from ${values.join(" to ")}`, () => assert.deepEqual(logTicks(values), ticks));
}

test("ticks are few, ascend and lie within", () => {
  const value = fc.double({ min: 1e-3, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(value, value), ([a, b]) => {
      const ticks = logTicks([a, b]);
      assert.ok(ticks.length <= 12);
      assert.deepEqual(
        ticks,
        [...new Set(ticks)].toSorted((x, y) => x - y),
      );
      for (const tick of ticks) assert.ok(tick >= Math.min(a, b) * 0.999 && tick <= Math.max(a, b) * 1.001, `${tick}`);
    }),
  );
});

test("ticks read as times", () => {
  assert.deepEqual([0.5, 20, 999, 1000, 12_500].map(formatMsTick), ["0.5 ms", "20 ms", "999 ms", "1 s", "12.5 s"]);
});
