import assert from "node:assert/strict";
import test from "node:test";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { outcomes } from "../../../simulator/engine/simulation-run.ts";
import { builtInPolicies, findPolicy, policyNames } from "../../../simulator/policies/registry.ts";
import { configPolicy } from "../../../simulator/policies/config-policy.ts";
import { roundRobin } from "../../../simulator/policies/balancers.ts";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { aRequestTable, type RowTraits } from "../../support/a-request-table.ts";

/** A step takes 10 ms whatever is in it. */
const config: ReplicaConfig = {
  ...presetConfig("llama-3-8b-l4"),
  coefficients: { baseMs: 10, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 },
  requestOverheadMs: 0,
  tokenOverheadMs: 0,
  maxSeqs: 2,
};
const pool = { replicas: [config, config] };

function some(count: number, gapMs: number, traits: RowTraits = {}): RowTraits[] {
  return Array.from({ length: count }, (_, i) => ({ arrivalMs: i * gapMs, outputTokens: 5, ...traits }));
}

test("simulate serves requests where the policy sends them", () => {
  const run = simulate({ requests: aRequestTable(some(4, 100)), pool, policy: roundRobin, seed: 1 });
  assert.deepEqual([...run.replica], [0, 1, 0, 1]);
  assert.deepEqual([...run.firstTokenMs], [10, 110, 210, 310]);
  assert.deepEqual([...run.lastTokenMs], [50, 150, 250, 350]);
  assert.deepEqual([...run.outcome], [0, 0, 0, 0]);
  assert.deepEqual(
    run.replicas.map(({ requests, busyMs, generationTokens }) => [requests, busyMs, generationTokens]),
    [
      [2, 100, 10],
      [2, 100, 10],
    ],
  );
  assert.deepEqual([run.itlMs.count, run.itlMs.mean, run.decisions, run.endMs], [16, 10, 4, 350]);
});

test("every built-in policy completes every request and is found by its name", () => {
  assert.deepEqual(
    builtInPolicies().map(({ name }) => name),
    policyNames,
  );
  for (const name of policyNames) {
    const policy = findPolicy(name);
    assert.ok(policy !== undefined, name);
    const run = simulate({ requests: aRequestTable(some(200, 7)), pool, policy, seed: 1 });
    assert.deepEqual(new Set(run.outcome), new Set([outcomes.indexOf("completed")]), name);
    assert.ok(
      run.replicas.every(({ requests }) => requests > 0),
      name,
    );
  }
});

const counted = (run: ReturnType<typeof simulate>): Record<string, number> =>
  Object.fromEntries(outcomes.map((name, code) => [name, run.outcome.filter((one) => one === code).length]));

test("requests queue at a picker that takes its time, each picker has its own, and a proxy takes none", () => {
  const requests = aRequestTable(some(4, 0));
  const decisionCost = { requestUs: 10_000, scorerEndpointUs: 1_000, promptByteUs: 10 };
  const policy = findPolicy("go-load-only");
  assert.ok(policy !== undefined);
  // 10 ms, 2 endpoints x 2 scorers x 1 ms, 400 bytes x 10 us.
  const run = simulate({ requests, pool, policy, seed: 1, information: { decisionCost } });
  assert.deepEqual([...run.decidedMs], [18, 36, 54, 72]);
  const four = simulate({ requests, pool, policy, seed: 1, information: { decisionCost, pickers: 4 } });
  assert.ok(Math.max(...four.decidedMs) < 72, [...four.decidedMs].join(" "));
  const proxied = simulate({ requests, pool, policy: roundRobin, seed: 1, information: { decisionCost } });
  assert.deepEqual([...proxied.decidedMs], [0, 0, 0, 0]);
});

test("clients that wait too long go away, and what is open at the end is unfinished", () => {
  const requests = aRequestTable(some(4, 0, { outputTokens: 50 }));
  const late = simulate({ requests, pool: { replicas: [config] }, policy: roundRobin, seed: 1, timeoutMs: 700 });
  // Two at a time, 500 ms each.
  assert.deepEqual(counted(late), { completed: 2, refused: 0, unfinished: 2, failed: 0 });
  // The step under way ends with them.
  assert.equal(late.endMs, 710);
  const cut = simulate({ requests, pool: { replicas: [config] }, policy: roundRobin, seed: 1, endMs: 800 });
  assert.deepEqual(counted(cut), { completed: 2, refused: 0, unfinished: 2, failed: 0 });
  assert.ok(Number.isNaN(cut.lastTokenMs[3]));
});

test("a server refuses what is too long for it or wants an adapter that it does not serve", () => {
  const requests = aRequestTable([{ promptTokens: 100_000 }, { adapter: 0 }, {}]);
  const bare = { ...config, maxLoras: 0, maxCpuLoras: 0 };
  for (const name of policyNames) {
    const policy = findPolicy(name) ?? roundRobin;
    const run = simulate({ requests, pool: { replicas: [bare] }, policy, seed: 1 });
    assert.deepEqual(counted(run), { completed: 1, refused: 2, unfinished: 0, failed: 0 }, name);
    assert.equal(run.tooLong, 2);
  }
});

test("a saturated pool refuses sheddable requests and no others", () => {
  const rows = some(60, 5, { outputTokens: 100 }).map((row, i) => ({ ...row, priority: i % 2 === 0 ? 0 : -1 }));
  const policy = findPolicy("default");
  assert.ok(policy !== undefined);
  const run = simulate({ requests: aRequestTable(rows), pool, policy, seed: 1 });
  const refusedRows = [...run.outcome].flatMap((code, row) => (outcomes[code] === "refused" ? [row] : []));
  assert.ok(refusedRows.length > 5, `${refusedRows.length}`);
  assert.ok(refusedRows.every((row) => row % 2 === 1 && run.replica[row] === -1));
});

test("old samples mislead least-queue, and corrections make the default policy indifferent to their age", () => {
  const requests = aRequestTable(some(600, 15));
  const spread = (name: string, scrapeMs: number): number => {
    const policy = findPolicy(name) ?? roundRobin;
    const run = simulate({ requests, pool, policy, seed: 1, information: { scrapeMs } });
    const waits = run.firstTokenMs.map((ms, row) => ms - (run.arrivedMs[row] as number));
    return waits.reduce((sum, ms) => sum + ms) / waits.length;
  };
  assert.ok(spread("least-queue", 4_000) > 2 * spread("least-queue", 20));
  assert.ok(spread("default", 4_000) < 0.5 * spread("go-default", 4_000));
});

for (const [name, options, message] of [
  ["no replicas", { pool: { replicas: [] } }, /"replicas": 0, expected 1 to 32767/],
  ["an end in the past", { endMs: 0 }, /"endMs": 0, expected a number above 0/],
  ["no time to scrape", { information: { scrapeMs: 0 } }, /"scrapeMs": 0, expected a number above 0/],
  ["half a picker", { information: { pickers: 0.5 } }, /"pickers": 0.5, expected a whole number from 1/],
  [
    "more loss than samples",
    { information: { endpoints: [undefined, { lossRatio: 2 }] } },
    /"lossRatio": 2, expected 0 to 1/,
  ],
  ["rows out of order", { requests: aRequestTable([{ arrivalMs: 2 }, { arrivalMs: 1 }]) }, /request "1": arrival 1 ms/],
  [
    "a row after a later one",
    { requests: aRequestTable([{ afterRow: 1 }, {}]) },
    /request "0": afterRow 1, expected -1/,
  ],
] as const) {
  test(`simulate refuses ${name}`, () => {
    const requests = aRequestTable(some(2, 1));
    assert.throws(() => simulate({ requests, pool, policy: roundRobin, seed: 1, ...options }), {
      name: "RangeError",
      message,
    });
  });
}

test("a config that cannot be used is refused with every problem", () => {
  const text =
    "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{type: a-scorer}, {type: b-scorer}]\n";
  assert.throws(() => configPolicy({ name: "mine", summary: "", text }), /policy "mine":[^]*a-scorer[^]*b-scorer/);
});
