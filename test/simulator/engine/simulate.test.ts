import assert from "node:assert/strict";
import test from "node:test";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { outcomes } from "../../../simulator/engine/simulation-run.ts";
import { builtInPolicies, findPolicy, policyNames } from "../../../simulator/policies/registry.ts";
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
