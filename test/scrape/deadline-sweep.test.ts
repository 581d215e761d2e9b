import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { DeadlineSweep } from "../../src/scrape/deadline-sweep.ts";

test("DeadlineSweep calls late ones once, within a period, and not the cancelled ones", () => {
  const clock = new VirtualClock();
  const sweep = new DeadlineSweep(clock, 25);
  const late: string[] = [];
  sweep.watch(100, () => late.push(`a@${clock.nowMs()}`));
  const cancel = sweep.watch(100, () => late.push("b"));
  sweep.watch(110, () => late.push(`c@${clock.nowMs()}`));
  clock.advance(75);
  cancel();
  assert.deepEqual(late, []);
  clock.advance(1000);
  assert.deepEqual(late, ["a@100", "c@125"]);
});

test("DeadlineSweep has one timer for all, and none when nothing is watched", () => {
  const clock = new VirtualClock();
  const sweep = new DeadlineSweep(clock, 25);
  assert.equal(clock.pending, 0);
  const cancels = [1, 2, 3].map(() => sweep.watch(1000, () => {}));
  assert.equal(clock.pending, 1);
  for (const cancel of cancels) cancel();
  clock.advance(25);
  assert.equal(clock.pending, 0);
});
