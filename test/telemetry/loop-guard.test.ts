import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";
import { guardLoop } from "../../src/telemetry/loop-guard.ts";
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
