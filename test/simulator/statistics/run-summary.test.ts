import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSlo } from "../../../simulator/statistics/counted-rows.ts";
import { summarizeRun } from "../../../simulator/statistics/run-summary.ts";
import { aSimulationRun, type RunRow } from "../../support/a-simulation-run.ts";

/** Ten requests, one a second, all good: TTFT 100 ms to 1,000 ms, 50 ms between tokens. */
const rows: readonly RunRow[] = Array.from({ length: 10 }, (_, i) => ({
  arrivalMs: 1000 * (i + 1),
  ttftMs: 100 * (i + 1),
  e2eMs: 100 * (i + 1) + 500,
  replica: i % 2,
  cachedTokens: 25,
}));

const change = (row: number, by: Partial<RunRow>): RunRow[] =>
  rows.map((one, i) => (i === row ? { ...one, ...by } : one));

test("figures of a run in which all is well", () => {
  const summary = summarizeRun(aSimulationRun(rows), 0, defaultSlo);
  assert.equal(summary.requests, 10);
  assert.equal(summary.ttftMs.mean, 550);
  assert.deepEqual([summary.ttftMs.p50, summary.ttftMs.p90, summary.ttftMs.max], [500, 900, 1000]);
  assert.deepEqual([summary.tpotMs.p50, summary.tpotMs.max], [50, 50]);
  assert.equal(summary.e2eMs.mean, 1050);
  assert.equal(summary.attainment, 1);
  // 10 good ones between the first and the last arrival.
  assert.equal(summary.goodput, 10 / 9);
  // 110 tokens from 1 s to 11.5 s.
  assert.equal(summary.outputTokensPerSecond, 110 / 10.5);
  assert.equal(summary.prefixHitRatio, 0.25);
  assert.deepEqual([summary.share, summary.maxOverMean, summary.jainReplicas], [[0.5, 0.5], 1, 1]);
  assert.deepEqual([summary.refused, summary.unfinished, summary.preemptions, summary.decisions], [0, 0, 1, 10]);
  assert.deepEqual(summary.classes, []);
});

test("only requests that are meant to arrive after the cut count", () => {
  const summary = summarizeRun(aSimulationRun(rows), 5500, defaultSlo);
  assert.deepEqual([summary.requests, summary.ttftMs.mean], [5, 800]);
  assert.equal(summary.goodput, 5 / 4);
});

const misses: readonly (readonly [what: string, changed: Partial<RunRow>])[] = [
  ["a late first token", { ttftMs: 2001, e2eMs: 2100 }],
  ["slow tokens", { ttftMs: 100, e2eMs: 1101 }],
  ["a refusal", { outcome: "refused" }],
  ["a failure", { outcome: "failed", e2eMs: Number.NaN }],
  ["an answer that never ends", { outcome: "unfinished", e2eMs: Number.NaN }],
  ["an answer that never begins", { outcome: "unfinished", ttftMs: Number.NaN, e2eMs: Number.NaN }],
];
for (const [what, changed] of misses) {
  test(`${what} is not good`, () => {
    assert.equal(summarizeRun(aSimulationRun(change(3, changed)), 0, defaultSlo).attainment, 0.9);
  });
}

test("exactly at the objectives is good, and one token has no time between tokens", () => {
  const at = change(3, { ttftMs: 2000, e2eMs: 3000 });
  assert.equal(summarizeRun(aSimulationRun(at), 0, defaultSlo).attainment, 1);
  const one = change(3, { ttftMs: 100, e2eMs: 100, outputTokens: 1 });
  const summary = summarizeRun(aSimulationRun(one), 0, defaultSlo);
  assert.deepEqual([summary.attainment, summary.tpotMs.max], [1, 50]);
});

test("what is unanswered at the end counts with the time it has waited; a refusal has no latency", () => {
  const waiting = change(0, { outcome: "unfinished", ttftMs: Number.NaN, e2eMs: Number.NaN });
  const summary = summarizeRun(aSimulationRun(waiting), 0, defaultSlo);
  // From its arrival at 1 s to the end of the run at 11.5 s.
  assert.deepEqual([summary.ttftMs.max, summary.e2eMs.max, summary.unfinished], [10_500, 10_500, 1]);
  const refused = summarizeRun(aSimulationRun(change(0, { outcome: "refused" })), 0, defaultSlo);
  assert.deepEqual([refused.ttftMs.mean, refused.refused, refused.failed], [600, 1, 0]);
  const failed = summarizeRun(aSimulationRun(change(0, { outcome: "failed" })), 0, defaultSlo);
  assert.deepEqual([failed.ttftMs.mean, failed.refused, failed.failed], [600, 0, 1]);
});

test("a request of a closed loop that never came is a miss without a latency", () => {
  const run = aSimulationRun(change(9, { outcome: "unfinished", ttftMs: Number.NaN, e2eMs: Number.NaN }));
  run.arrivedMs[9] = Number.NaN;
  const summary = summarizeRun(run, 0, defaultSlo);
  assert.deepEqual([summary.unfinished, summary.ttftMs.max, summary.attainment], [1, 900, 0.9]);
});

test("adapters and priorities are classes of their own", () => {
  const mixed: readonly RunRow[] = rows.map((row, i) => ({
    ...row,
    adapter: i < 4 ? 0 : -1,
    priority: i === 9 ? -1 : 0,
    ...(i === 9 && { outcome: "refused" }),
    ...(i === 3 && { outcome: "failed" }),
  }));
  const run = aSimulationRun(mixed, { adapters: ["sql"] });
  const { classes, jainClasses } = summarizeRun(run, 0, defaultSlo);
  assert.deepEqual(
    classes.map(({ name, requests, refused, failed, attainment, ttftMs }) => [
      name,
      requests,
      refused,
      failed,
      attainment,
      ttftMs.mean,
    ]),
    [
      ["base", 5, 0, 0, 1, 700],
      ["base, priority -1", 1, 1, 0, 0, Number.NaN],
      ["sql", 4, 0, 1, 0.75, 200],
    ],
  );
  assert.ok(Math.abs(jainClasses - 49 / 75) < 1e-12);
});
