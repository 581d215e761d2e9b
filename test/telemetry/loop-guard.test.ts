import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { guardLoop } from "../../src/telemetry/loop-guard.ts";
import { exportLoopLag } from "../../src/telemetry/pool-metrics.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";

/** A clock whose one timer fires as late as the test says. */
function lateClock() {
  let nowMs = 0;
  let timer: { dueMs: number; callback: () => void } | undefined;
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after: (delayMs, callback) => {
      timer = { dueMs: nowMs + delayMs, callback };
      return () => {
        timer = undefined;
      };
    },
  };
  const fire = (lateMs: number): void => {
    const due = timer;
    if (due === undefined) throw new Error("no timer");
    nowMs = due.dueMs + lateMs;
    due.callback();
  };
  return { clock, fire, hasTimer: () => timer !== undefined };
}

test("guardLoop counts late looks as stalls and logs one a minute", async () => {
  const { clock, fire, hasTimer } = lateClock();
  const registry = createRegistry();
  const lines: object[] = [];
  const stop = guardLoop(registry, clock, { ...silentLogger, warn: (data) => lines.push(data) });
  for (const lateMs of [0, 3, 100, 101, 400]) fire(lateMs);
  assert.match(await registry.page(), /^epp_event_loop_stalls_total 2$/m);
  assert.deepEqual(lines, [{ stallMs: 101 }]);
  for (let look = 0; look < 600; look++) fire(0);
  fire(250);
  assert.deepEqual(lines.slice(1), [{ stallMs: 250 }]);
  stop();
  assert.equal(hasTimer(), false);
});

test("exportLoopLag exports the delay alone, without the 20 ms from one look to the next, and never less than none", async () => {
  const registry = createRegistry();
  const nanoseconds = new Map([
    [50, 19_900_000],
    [99, 25_000_000],
    [100, 320_000_000],
  ]);
  const calls: string[] = [];
  const stop = exportLoopLag(registry, {
    enable: () => calls.push("enable") > 0,
    disable: () => calls.push("disable") > 0,
    reset: () => void calls.push("reset"),
    percentile: (percentile) => nanoseconds.get(percentile) ?? Number.NaN,
  });
  const lags = (await registry.page()).split("\n").filter((line) => line.startsWith("epp_event_loop_lag_seconds{"));
  const values = lags.map((line) => Number(line.split(" ")[1]));
  assert.equal(lags.length, 3);
  for (const [at, want] of [0, 0.005, 0.3].entries())
    assert.ok(Math.abs((values[at] as number) - want) < 1e-9, lags[at]);
  stop();
  assert.deepEqual(calls, ["enable", "reset", "disable"]);
});
