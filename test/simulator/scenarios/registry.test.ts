import assert from "node:assert/strict";
import { test } from "node:test";
import { generateLoad } from "../../../simulator/generators/load-spec.ts";
import { createReplica } from "../../../simulator/replica/replica.ts";
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
    assert.ok(policies.length >= 3 && expected !== "");
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
