import assert from "node:assert/strict";
import { test } from "node:test";
import { LogHistogram } from "../../../simulator/engine/log-histogram.ts";
import {
  distributionDistance,
  distributionOf,
  distributionOfBuckets,
  distributionOfRun,
  type Distribution,
} from "../../../simulator/gate/distribution.ts";
import { isAccepted, judge, type PoolObservation } from "../../../simulator/gate/gate.ts";
import { TimeMean } from "../../../simulator/gate/time-mean.ts";

const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
const of = (values: readonly number[]): Distribution => distributionOf(values) as Distribution;
const base: PoolObservation = {
  running: 10,
  waiting: 2,
  kvCacheRatio: 0.5,
  ttftMs: of(hundred),
  itlMs: undefined,
  tpotMs: undefined,
};

const rows: readonly (readonly [what: string, change: Partial<PoolObservation>, failing: readonly string[]])[] = [
  ["the same", {}, []],
  ["running 10 % off", { running: 11 }, []],
  ["running more than 10 % below", { running: 8.9 }, ["running requests"]],
  ["KV 12 % off", { kvCacheRatio: 0.56 }, ["KV cache ratio"]],
  ["waiting one request off", { waiting: 3 }, []],
  ["waiting more than one request off", { waiting: 3.1 }, ["waiting requests"]],
  ["TTFT shifted by a tenth of its range", { ttftMs: of(hundred.map((ms) => ms + 10)) }, []],
  ["TTFT shifted further", { ttftMs: of(hundred.map((ms) => ms + 11)) }, ["TTFT distribution"]],
  [
    "everything off",
    { running: 1, waiting: 9, kvCacheRatio: 0, ttftMs: of([1000]) },
    ["running requests", "KV cache ratio", "waiting requests", "TTFT distribution"],
  ],
];

for (const [what, change, failing] of rows) {
  test(`the gate with ${what} fails ${failing.join(", ") || "nowhere"}`, () => {
    const judged = judge(base, { ...base, ...change });
    assert.deepEqual(
      judged.filter(({ passes }) => passes === false).map((row) => row.what),
      failing,
    );
    assert.equal(isAccepted(judged), failing.length === 0);
  });
}

test("a long queue may be a fifth off", () => {
  const accepts = (waiting: number): boolean => isAccepted(judge({ ...base, waiting: 20 }, { ...base, waiting }));
  assert.deepEqual([accepts(24), accepts(24.1), accepts(16), accepts(15.9)], [true, false, true, false]);
});

test("what is not known does not count, and where nothing is known nothing is accepted", () => {
  const unknown = { running: Number.NaN, waiting: Number.NaN, kvCacheRatio: Number.NaN };
  assert.equal(isAccepted(judge({ ...base, running: Number.NaN }, base)), true);
  const none = judge({ ...base, ...unknown, ttftMs: undefined }, base);
  assert.deepEqual(
    none.map(({ passes }) => passes),
    [null, null, null, null, null, null],
  );
  assert.equal(isAccepted(none), false);
  assert.doesNotMatch(JSON.stringify(none), /NaN/);
});

test("a histogram is compared at the bounds of its buckets alone", () => {
  const recorded = distributionOfBuckets([10, 50, Number.POSITIVE_INFINITY], [10, 50, 100]) as Distribution;
  assert.equal(distributionDistance(recorded, of(hundred)), 0);
  assert.ok(Math.abs(distributionDistance(recorded, of(hundred.map((ms) => ms + 20))) - 0.2) < 1e-12);
  assert.equal(distributionOfBuckets([10, Number.POSITIVE_INFINITY], [0, 0]), undefined);
});

test("what a run counted is compared to within a bucket", () => {
  const histogram = new LogHistogram();
  for (const ms of hundred) histogram.add(ms);
  const run = distributionOfRun(histogram) as Distribution;
  const recorded = distributionOfBuckets([25.5, 75.5, Number.POSITIVE_INFINITY], [25, 75, 100]) as Distribution;
  assert.ok(distributionDistance(recorded, run) < 0.011);
  assert.equal(distributionOfRun(new LogHistogram()), undefined);
});

test("a mean over time weighs values by how long they hold, within the window, without unknown stretches", () => {
  const mean = new TimeMean(100, 200);
  for (const [atMs, value] of [
    [0, 4],
    [150, Number.NaN],
    [160, 8],
    [300, 1000],
  ] as const) {
    mean.set(atMs, value);
  }
  assert.equal(mean.end(), (4 * 50 + 8 * 40) / 90);
  assert.equal(new TimeMean(0, 1).end(), Number.NaN);
});
