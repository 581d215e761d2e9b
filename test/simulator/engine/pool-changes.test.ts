import assert from "node:assert/strict";
import test from "node:test";
import type { PoolChange } from "../../../simulator/engine/options.ts";
import { none } from "../../../simulator/engine/request-table.ts";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { outcomes, type SimulationRun } from "../../../simulator/engine/simulation-run.ts";
import { roundRobin } from "../../../simulator/policies/balancers.ts";
import type { Policy } from "../../../simulator/policies/policy.ts";
import { findPolicy, policyNames } from "../../../simulator/policies/registry.ts";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { aRequestTable, type RowTraits } from "../../support/a-request-table.ts";

/** A step takes 10 ms whatever is in it. */
const config: ReplicaConfig = {
  ...presetConfig("llama-3-8b-l4"),
  coefficients: { baseMs: 10, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 },
  requestOverheadMs: 0,
  tokenOverheadMs: 0,
};
const aPool = (replicas: number, changes: readonly PoolChange[]) => ({
  replicas: Array.from({ length: replicas }, () => config),
  changes,
});

/** `count` requests of 10 tokens, 100 ms long, one every `gapMs`. */
function some(count: number, gapMs: number, traits: RowTraits = {}): RowTraits[] {
  return Array.from({ length: count }, (_, i) => ({ arrivalMs: i * gapMs, ...traits }));
}

const outcomesOf = ({ outcome }: SimulationRun): (string | undefined)[] =>
  Array.from(outcome, (code) => outcomes[code]);

/** One value of the series by sample and replica. */
function seriesOf({ series }: SimulationRun, name: "running" | "prefixQueryTokens"): number[][] {
  const replicas = series[name].length / series.samples;
  return Array.from({ length: series.samples }, (_, i) => [...series[name].subarray(i * replicas, (i + 1) * replicas)]);
}

test("requests at a replica that dies fail at once and others do not notice; it comes back with an empty cache", () => {
  const blocks = [1, 2, 3, 4, 5, 6];
  const run = simulate({
    requests: aRequestTable(some(8, 50, { blocks })),
    pool: aPool(2, [
      { atMs: 125, replica: 0, kind: "dies" },
      { atMs: 225, replica: 0, kind: "joins" },
    ]),
    policy: roundRobin,
    seed: 1,
    seriesMs: 60,
  });
  // Row 0 has ended at 100 ms; from 125 to 225 ms there is one replica.
  assert.deepEqual([...run.replica], [0, 1, 0, 1, 1, 0, 1, 0]);
  assert.deepEqual(outcomesOf(run), ["completed", "completed", "failed", ...Array(5).fill("completed")]);
  assert.deepEqual([run.firstTokenMs[2], run.lastTokenMs[2]], [110, Number.NaN]);
  assert.deepEqual([...run.cachedTokens], [0, 0, 96, 96, 96, 0, 96, 96]);
  assert.deepEqual(
    run.replicas.map(({ requests, busyMs, generationTokens, prefixHitTokens }) => [
      requests,
      busyMs,
      generationTokens,
      prefixHitTokens,
    ]),
    [
      [4, 325, 32, 192],
      [4, 360, 40, 288],
    ],
  );
  assert.deepEqual(seriesOf(run, "running").slice(0, 5), [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 1],
    [0, 2],
  ]);
  assert.deepEqual(
    seriesOf(run, "prefixQueryTokens").map(([first]) => first),
    [0, 100, 200, 200, 200, 300, 400, 400],
  );
  // Two tokens had left: one gap.
  assert.equal(run.itlMs.count, 7 * 9 + 1);
  assert.equal(run.firstChangeMs, 125);
});

test("a replica that leaves answers what it has, also when it has come back meanwhile", () => {
  const run = simulate({
    requests: aRequestTable(some(6, 20, { outputTokens: 20 })),
    pool: aPool(2, [
      { atMs: 10, replica: 0, kind: "leaves" },
      { atMs: 70, replica: 0, kind: "joins" },
    ]),
    policy: roundRobin,
    seed: 1,
    seriesMs: 125,
  });
  assert.deepEqual([...run.replica], [0, 1, 1, 1, 0, 1]);
  assert.deepEqual(new Set(outcomesOf(run)), new Set(["completed"]));
  assert.deepEqual(seriesOf(run, "running")[1], [2, 4]);
  assert.deepEqual(
    run.replicas.map(({ requests }) => requests),
    [2, 4],
  );
});

test("a replica that leaves may die before it has answered all", () => {
  const run = simulate({
    requests: aRequestTable(some(2, 0)),
    pool: aPool(2, [
      { atMs: 10, replica: 0, kind: "leaves" },
      { atMs: 50, replica: 0, kind: "dies" },
    ]),
    policy: roundRobin,
    seed: 1,
  });
  assert.deepEqual(outcomesOf(run), ["failed", "completed"]);
});

test("in a closed loop the next request comes after one that failed; nobody tries again", () => {
  const run = simulate({
    requests: aRequestTable([{}, { afterRow: 0, delayMs: 30 }]),
    pool: aPool(2, [{ atMs: 45, replica: 0, kind: "dies" }]),
    policy: roundRobin,
    seed: 1,
  });
  assert.deepEqual([...run.arrivedMs], [0, 75]);
  assert.deepEqual([...run.replica], [0, 1]);
  assert.equal(run.decisions, 2);
});

test("no built-in policy sends to a replica that is not there, and all use one that joins", () => {
  const changes: readonly PoolChange[] = [
    { atMs: 1_000, replica: 0, kind: "dies" },
    { atMs: 2_000, replica: 2, kind: "joins" },
    { atMs: 3_000, replica: 1, kind: "leaves" },
    { atMs: 4_000, replica: 0, kind: "joins" },
  ];
  for (const name of policyNames) {
    const policy = findPolicy(name) ?? roundRobin;
    const run = simulate({ requests: aRequestTable(some(600, 10)), pool: aPool(3, changes), policy, seed: 1 });
    for (const [fromMs, untilMs, there] of [
      [0, 990, [0, 1]],
      [1_010, 1_990, [1]],
      [2_010, 2_990, [1, 2]],
      [3_010, 3_990, [2]],
      [4_010, 6_000, [0, 2]],
    ] as const) {
      const used = run.replica.filter((_, row) => run.decidedMs[row]! >= fromMs && run.decidedMs[row]! < untilMs);
      assert.deepEqual(
        [...new Set(used)].toSorted((a, b) => a - b),
        there,
        `${name} from ${fromMs} ms`,
      );
    }
  }
});

test("every built-in policy refuses while no replica is there", () => {
  for (const name of policyNames) {
    const run = simulate({
      requests: aRequestTable(some(3, 500)),
      pool: aPool(1, [
        { atMs: 400, replica: 0, kind: "leaves" },
        { atMs: 900, replica: 0, kind: "joins" },
      ]),
      policy: findPolicy(name) ?? roundRobin,
      seed: 1,
    });
    assert.deepEqual(outcomesOf(run), ["completed", "refused", "completed"], name);
    assert.deepEqual([...run.replica], [0, none, 0], name);
  }
});

test("a frozen page shows what it showed, as fresh as ever, until it thaws", () => {
  const seen: (readonly [atMs: number, running: number])[] = [];
  const spy: Policy = {
    ...roundRobin,
    start: () => ({
      sampling: "every",
      sampled: (_replica, askedAtMs, load) => seen.push([askedAtMs, load.running]),
      pick: () => 0,
    }),
  };
  simulate({
    requests: aRequestTable(some(5, 30)),
    pool: aPool(1, [
      { atMs: 50, replica: 0, kind: "metrics-freeze" },
      { atMs: 110, replica: 0, kind: "metrics-thaw" },
    ]),
    policy: spy,
    seed: 1,
    information: { scrapeMs: 20 },
  });
  const running = (fromMs: number, untilMs: number): number[] =>
    seen.filter(([atMs]) => atMs > fromMs && atMs < untilMs).map(([, count]) => count);
  assert.deepEqual(running(50, 110), [2, 2, 2]);
  assert.equal(running(110, 131)[0], 3);
  assert.ok(seen.every(([atMs], i) => i === 0 || atMs - seen[i - 1]![0] > 19.9));
});

test("policies hear who joins and leaves, one that comes back under a new index, and see who is there", () => {
  const heard: unknown[] = [];
  const spy: Policy = {
    ...roundRobin,
    start: ({ replicas, present }) => {
      heard.push(replicas.map(({ replica, number }) => [replica, number]));
      return {
        sampling: "every",
        joined: (replica, nowMs) => heard.push(["joined", replica, nowMs, [...present]]),
        left: (replica, nowMs) => heard.push(["left", replica, nowMs, [...present]]),
        ended: (row, replica, nowMs, ending) => heard.push([ending, row, replica, nowMs]),
        sampled: (replica) => assert.ok(present.includes(replica)),
        pick: () => present.at(-1) as number,
      };
    },
  };
  simulate({
    requests: aRequestTable(some(3, 200)),
    pool: aPool(2, [
      { atMs: 20, replica: 1, kind: "dies" },
      { atMs: 390, replica: 1, kind: "joins" },
    ]),
    policy: spy,
    seed: 1,
  });
  assert.deepEqual(heard, [
    [
      [0, 0],
      [1, 0],
      [1, 1],
    ],
    ["error", 0, 1, 20],
    ["left", 1, 20, [0]],
    ["completed", 1, 0, 300],
    ["joined", 2, 390, [0, 2]],
    ["completed", 2, 2, 500],
  ]);
});

test("a change after the last request has ended does not make the run longer", () => {
  const run = simulate({
    requests: aRequestTable(some(1, 0)),
    pool: aPool(1, [{ atMs: 5_000, replica: 0, kind: "dies" }]),
    policy: roundRobin,
    seed: 1,
  });
  assert.equal(run.endMs, 100);
});

test("a policy that sends to a replica that has left is told so", () => {
  const policy: Policy = { ...roundRobin, start: () => ({ sampling: "none", pick: () => 0 }) };
  const pool = aPool(2, [{ atMs: 5, replica: 0, kind: "leaves" }]);
  assert.throws(
    () => simulate({ requests: aRequestTable(some(2, 10)), pool, policy, seed: 1 }),
    /Cannot send request "1" to replica "0": expected one that is there/,
  );
});

const died: PoolChange = { atMs: 5, replica: 0, kind: "dies" };
for (const [name, changes, message] of [
  ["a replica that is none", [{ ...died, replica: 2 }], /"changes\[0\]": replica 2, expected 0 to 1/],
  ["changes out of order", [died, { ...died, atMs: 4 }], /"changes\[1\]": at 4 ms, expected at least 5, finite/],
  ["a change at no time", [{ ...died, atMs: Number.NaN }], /"changes\[0\]": at NaN ms, expected at least 0/],
  ["a second death", [died, died], /"changes\[1\]": "dies" of replica 0, away, expected there or frozen or leaving/],
  [
    "a join of one that is there",
    [died, { ...died, kind: "joins" }, { ...died, kind: "joins" }],
    /there, expected away/,
  ],
  ["a thaw of what is not frozen", [{ ...died, kind: "metrics-thaw" }], /there, expected frozen/],
  [
    "an unknown change",
    [{ ...died, kind: "explodes" as PoolChange["kind"] }],
    /"explodes", expected joins, leaves, dies/,
  ],
] as const) {
  test(`simulate refuses ${name}`, () => {
    assert.throws(
      () => simulate({ requests: aRequestTable(some(1, 0)), pool: aPool(2, changes), policy: roundRobin, seed: 1 }),
      { name: "RangeError", message },
    );
  });
}
