import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { warpIntoBurst } from "../../../simulator/load/arrivals.ts";

const bursts = fc
  .record({
    from: fc.double({ min: 0, max: 0.5, noNaN: true }),
    length: fc.double({ min: 0.01, max: 0.5, noNaN: true }),
    factor: fc.double({ min: 0.1, max: 10, noNaN: true }),
  })
  .map(({ from, length, factor }) => ({ from, to: from + length, factor }));
const shares = fc.double({ min: 0, max: 1, noNaN: true });

test("warpIntoBurst keeps order, begin and end", () => {
  fc.assert(
    fc.property(bursts, shares, shares, (burst, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      assert.ok(warpIntoBurst(low, burst) <= warpIntoBurst(high, burst) + 1e-12);
      assert.equal(warpIntoBurst(0, burst), 0);
      assert.ok(Math.abs(warpIntoBurst(1, burst) - 1) < 1e-9);
    }),
  );
});

test("warpIntoBurst makes the rate in the burst the given multiple of the rate outside", () => {
  const burst = { from: 0.4, to: 0.6, factor: 3 };
  const arrivals = Array.from({ length: 14_000 }, (_, i) => warpIntoBurst(i / 14_000, burst));
  const inBurst = arrivals.filter((at) => at >= 0.4 && at < 0.6).length;
  assert.ok(Math.abs(inBurst / 0.2 - 3 * ((14_000 - inBurst) / 0.8)) < 10);
});
