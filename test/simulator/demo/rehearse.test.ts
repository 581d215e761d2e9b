import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { rehearse } from "../../../simulator/demo/rehearse.ts";
import { createScenario, defaultServers } from "../../../simulator/demo/scenario.ts";
import { loadNames } from "../../../simulator/load/generate.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { builtInRegistry } from "../../../src/config/registry.ts";
import type { SchedulingPlan } from "../../../src/scheduling/plan.ts";

function demoPlan(): SchedulingPlan {
  const text = readFileSync(new URL("../../../manifests/config/demo.yaml", import.meta.url), "utf8");
  const loaded = loadConfig(text, {
    file: "demo.yaml",
    registry: builtInRegistry,
    allowExperimentalPlugins: false,
    hashKey: 1n,
  });
  assert.ok(loaded.kind === "ok");
  return loaded.config.plan;
}

for (const load of loadNames) {
  for (const seed of [1, 2, 3, 4, 5]) {
    test(`createScenario offers 60 to 80 % of the capacity, over 2000 requests in 30 s: ${load}, seed ${seed}`, () => {
      const {
        capacity,
        offered,
        load: requests,
      } = createScenario({ load, seed, servers: defaultServers, seconds: 30 });
      assert.ok(offered / capacity > 0.6 && offered / capacity < 0.8, `${offered} of ${capacity}`);
      assert.ok(requests.length >= 2000, `${requests.length}`);
    });
  }
}

for (const seed of [1, 2]) {
  test(`the demo's picker beats Envoy's own balancing in virtual time, seed ${seed}`, () => {
    const arms = rehearse({ load: "mixed", seed, servers: defaultServers, seconds: 30 }, demoPlan());
    const { p99 } = arms.picker.ttftMs;
    assert.ok(p99 <= 0.7 * arms["round-robin"].ttftMs.p99, JSON.stringify(arms));
    assert.ok(p99 <= arms["least-request"].ttftMs.p99, JSON.stringify(arms));
    assert.ok(arms.picker.prefixHitRatio > arms["round-robin"].prefixHitRatio + 0.1, JSON.stringify(arms));
  });
}

test("all ways of routing are equal within 10 % in virtual time when there is nothing to know", () => {
  const arms = rehearse({ load: "uniform", seed: 1, servers: defaultServers, seconds: 30 }, demoPlan());
  for (const share of ["p50", "p90", "p99"] as const) {
    const values = Object.values(arms).map(({ ttftMs }) => ttftMs[share]);
    assert.ok(Math.max(...values) <= 1.1 * Math.min(...values), JSON.stringify(arms));
  }
});
