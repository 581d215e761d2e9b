import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../../src/lib/random.ts";
import { findWarmUp, noWarmUp } from "../../../simulator/statistics/warm-up.ts";
import { aSeries, type SeriesSample } from "../../support/a-simulation-run.ts";

const random = createRandom(7);
const steady = (level: number): number => level + 2 * random() - 1;

/** Samples of `count` seconds. */
function samples(count: number, at: (second: number) => SeriesSample): SeriesSample[] {
  return Array.from({ length: count }, (_, second) => at(second));
}

test("MSER-5 cuts a queue that fills up, to the batch", () => {
  const series = aSeries(samples(400, (second) => ({ running: second < 50 ? second / 5 : steady(10) })));
  const cut = findWarmUp(series, 400_000);
  assert.ok(cut.cutMs >= 35_000 && cut.cutMs <= 60_000, `${cut.cutMs}`);
  assert.deepEqual([cut.rule, cut.isSettled], ["queue", true]);
});

test("a cold prefix cache is cut even when the queue is steady", () => {
  let hits = 0;
  const series = aSeries(
    samples(400, (second) => {
      hits += second < 100 ? 0 : 50;
      return { running: 10, queries: 100 * (second + 1), hits };
    }),
  );
  const cut = findWarmUp(series, 400_000);
  assert.ok(cut.cutMs >= 95_000 && cut.cutMs <= 105_000, `${cut.cutMs}`);
  assert.deepEqual([cut.rule, cut.isSettled], ["prefix-hits", true]);
});

test("a queue that grows to the end is cut in half and said to be unsettled", () => {
  const series = aSeries(samples(400, (second) => ({ running: second })));
  assert.deepEqual(findWarmUp(series, 400_000), { cutMs: 200_000, rule: "queue", isSettled: false });
});

test("nothing is cut from the time on that is asked for", () => {
  const series = aSeries(samples(400, (second) => ({ running: second })));
  assert.deepEqual(findWarmUp(series, 400_000, 62_000), { cutMs: 60_000, rule: "queue", isSettled: false });
  assert.deepEqual(findWarmUp(series, 400_000, 0), noWarmUp);
});

test("nothing is cut of a steady run, nor of a short one", () => {
  assert.deepEqual(findWarmUp(aSeries(samples(400, () => ({ running: 10 }))), 400_000), noWarmUp);
  assert.deepEqual(findWarmUp(aSeries(samples(10, (second) => ({ running: second }))), 10_000), noWarmUp);
});

test("what happens after the last arrival has no say", () => {
  const drained = samples(800, (second) => ({ running: second < 400 ? 10 : 0 }));
  assert.deepEqual(findWarmUp(aSeries(drained), 399_000), noWarmUp);
});
