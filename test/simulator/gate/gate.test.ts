import assert from "node:assert/strict";
import { test } from "node:test";
import { LogHistogram } from "../../../simulator/engine/log-histogram.ts";
import {
  distributionDistance,
  distributionOf,
  distributionOfBuckets,
  distributionOfRun,
  type Distribution,
  mixDistributions,
} from "../../../simulator/gate/distribution.ts";
import {
  errorOfFigure,
  type GateErrors,
  isAccepted,
  judge,
  passJudgement,
  type PoolObservation,
} from "../../../simulator/gate/gate.ts";

const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
const of = (values: readonly number[]): Distribution => distributionOf(values) as Distribution;
const base: PoolObservation = {
  running: 10,
  waiting: 2,
  kvCacheRatio: 0.5,
  curves: { running: [9, 11], waiting: [1, 3], kvCacheRatio: [0.5, Number.NaN] },
  ttftMs: of(hundred),
  itlMs: undefined,
  tpotMs: undefined,
  e2eMs: undefined,
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
    none.flatMap(({ passes }) => passes ?? []),
    [],
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

test("a mix has the shares and the mean of its parts together", () => {
  const mixed = mixDistributions([of([1, 2]), undefined, of([3, 8])]) as Distribution;
  assert.deepEqual(
    [mixed.mean, mixed.points, [0, 1, 2, 3, 8].map((ms) => mixed.shareUpTo(ms))],
    [3.5, [1, 2, 3, 8], [0, 0.25, 0.5, 0.75, 1]],
  );
  assert.equal(mixDistributions([undefined]), undefined);
});

const window = { fromMs: 0, toMs: 1000, count: 2 };
const pass = (
  simulated: Partial<PoolObservation>,
  recorded: PoolObservation = base,
): ReturnType<typeof passJudgement> =>
  passJudgement({ policy: "p", recorded, simulated: { ...base, ...simulated }, window, notes: [] });

test("the error over time is the mean over the slices that are known, and is not judged", () => {
  const curves = { running: [12, 8], waiting: [1, 3], kvCacheRatio: [0.4, 0.9] };
  const result = pass({ curves });
  const overTime = result.rows.filter(({ what }) => what.endsWith("over time"));
  assert.deepEqual(
    overTime.map(({ error, passes }) => [error === null ? null : Number(error.toFixed(9)), passes]),
    [
      [3, null],
      [0.1, null],
      [0, null],
    ],
  );
  assert.equal(result.passes, true);
  assert.deepEqual(result.overTime, {
    sliceMs: 500,
    recorded: { running: [9, 11], waiting: [1, 3], kvCacheRatio: [0.5, null] },
    simulated: curves,
  });
});

test("errors of means are over what was recorded, of waiting requests over all that were there", () => {
  const { errors } = pass({ running: 10.5, waiting: 3.2, ttftMs: of(hundred.map((ms) => ms * 1.04)) });
  const rounded = Object.fromEntries(
    Object.entries(errors).map(([name, error]) => [name, error === null ? null : Number((error as number).toFixed(9))]),
  );
  assert.deepEqual(rounded, { ttftMs: 0.04, itlMs: null, e2eMs: null, greatest: 0.1 });
});

test("a figure has the error of its own mean, others and unknown ones the greatest", () => {
  const errors: GateErrors = { ttftMs: 0.02, itlMs: null, e2eMs: 0, greatest: 0.07 };
  const found = ["ttftMs.p99", "itlMs.mean", "e2eMs.mean", "goodput"].map((metric) => errorOfFigure(errors, metric));
  assert.deepEqual(found, [0.02, 0.07, 0, 0.07]);
  const unknown = { ttftMs: null, itlMs: null, e2eMs: null, greatest: null };
  assert.equal(errorOfFigure(unknown, "ttftMs.p99"), null);
});
