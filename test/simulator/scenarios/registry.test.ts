import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { generateLoad } from "../../../simulator/generators/load-spec.ts";
import { createReplica } from "../../../simulator/replica/replica.ts";
import { findPolicy, policyNames } from "../../../simulator/policies/registry.ts";
import { scenario, scenarioNames } from "../../../simulator/scenarios/registry.ts";
import { replicaConfigs } from "../../../simulator/scenarios/scenario.ts";

for (const name of scenarioNames) {
  test(`scenario "${name}" can be run: its requests fit its servers`, () => {
    const { load, pool, information, policies, expected } = scenario(name);
    const replicas = replicaConfigs(pool);
    assert.equal(replicas.length, pool.replicas);
    for (const config of new Set(replicas)) createReplica(config);
    const { count, promptTokens, outputTokens, adapter } = generateLoad(load, 1);
    for (let row = 0; row < count; row++) {
      assert.ok(promptTokens[row]! + outputTokens[row]! <= replicas[0]!.maxModelTokens);
      assert.ok(adapter[row] === -1 || replicas[0]!.maxLoras > 0);
    }
    assert.ok((information.endpoints?.length ?? 0) <= pool.replicas);
    assert.ok((pool.changes ?? []).every(({ replica }) => replica < pool.replicas));
    assert.deepEqual(
      policies.filter((policy) => !policyNames.includes(policy)),
      [],
    );
    assert.ok(policies.length >= 3 && expected !== "", `${policies.length} policies`);
  });
}

test("D14: every pathology has a scenario, and there is a null case", () => {
  const wanted =
    "uniform burst-on-old-metrics frozen-exporter prefix-stampede cold-scale-out lora-skew flapping-server slow-server data-parallel-ranks mixed-lengths two-pickers".split(
      " ",
    );
  assert.deepEqual(
    wanted.filter((name) => !scenarioNames.includes(name)),
    [],
  );
  assert.equal(new Set(scenarioNames).size, scenarioNames.length);
});

test("a slow server takes twice as long, the others not", () => {
  const [slow, usual] = replicaConfigs(scenario("slow-server").pool);
  assert.equal(slow!.coefficients.baseMs, 2 * usual!.coefficients.baseMs);
  assert.equal(slow!.coefficients.perPrefillTokenUs, 2 * usual!.coefficients.perPrefillTokenUs);
});

test("an unknown scenario is refused with the nearest name", () => {
  assert.throws(
    () => scenario("two-picker"),
    /Cannot simulate scenario "two-picker": unknown, did you mean "two-pickers"\?/,
  );
});

/** Ninety-ninth percentile of the time to the first token, ms, and adapter loads of one run. */
function outcome(
  name: string,
  policy: string,
  requests: number,
): { readonly p99Ms: number; readonly p50Ms: number; readonly loads: number } {
  const { load, pool, information } = scenario(name);
  const chosen = findPolicy(policy);
  assert.ok(chosen !== undefined, policy);
  const run = simulate({
    requests: generateLoad(load, 1, { requests }),
    pool: { replicas: replicaConfigs(pool) },
    policy: chosen,
    seed: 1,
    information,
  });
  const ttftMs = run.firstTokenMs.map((atMs, row) => atMs - run.arrivedMs[row]!).sort();
  const quantile = (ratio: number): number => ttftMs[Math.floor(ratio * ttftMs.length)]!;
  const loads = run.replicas.reduce((sum, { adapterLoads }) => sum + adapterLoads, 0);
  return { p99Ms: quantile(0.99), p50Ms: quantile(0.5), loads };
}

test("A22: without anything to know policies are within 5 % in the median", (context) => {
  const { policies } = scenario("uniform");
  const medians = policies.map((policy) => outcome("uniform", policy, 800).p50Ms);
  context.diagnostic(medians.join(" "));
  assert.ok(Math.max(...medians) <= 1.05 * Math.min(...medians), medians.join(" "));
});

test("A6: prefix alone collapses on hot prefixes, with load beside it nothing does", (context) => {
  const [alone, both] = ["prefix-only", "default"].map((policy) => outcome("hot-prefix", policy, 3000).p99Ms);
  context.diagnostic(`${alone} ms, ${both} ms`);
  assert.ok(alone! > 5 * both!, `${alone} ms alone, ${both} ms with load`);
});

test("A11: KV use alone herds between samples, corrected signals do not", (context) => {
  const [alone, corrected] = ["kv-only", "default"].map((policy) => outcome("old-kv-scores", policy, 1500).p99Ms);
  context.diagnostic(`${alone} ms, ${corrected} ms`);
  assert.ok(alone! > 2 * corrected!, `${alone} ms for KV use alone, ${corrected} ms corrected`);
});

test("A13: with affinity adapters are loaded several times less often", (context) => {
  const [without, affinity] = ["round-robin", "lora-affinity"].map((policy) => outcome("multi-lora", policy, 1500));
  context.diagnostic(`${JSON.stringify(without)} ${JSON.stringify(affinity)}`);
  assert.ok(without!.loads > 2 * affinity!.loads, `${without!.loads} loads, ${affinity!.loads} with affinity`);
  assert.ok(without!.p99Ms > 5 * affinity!.p99Ms, `${without!.p99Ms} ms, ${affinity!.p99Ms} ms with affinity`);
});
