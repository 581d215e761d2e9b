import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { outcomes, type SimulationRun } from "../../../simulator/engine/simulation-run.ts";
import { generateLoad } from "../../../simulator/generators/load-spec.ts";
import { findPolicy } from "../../../simulator/policies/registry.ts";
import { scenario } from "../../../simulator/scenarios/registry.ts";
import { replicaConfigs } from "../../../simulator/scenarios/scenario.ts";

const failed = outcomes.indexOf("failed");

/** The first `requests` of a scenario under one policy. */
function run(name: string, policy: string, requests: number): SimulationRun {
  const { load, pool, information } = scenario(name);
  const chosen = findPolicy(policy);
  assert.ok(chosen !== undefined, policy);
  const { changes = [] } = pool;
  assert.ok(changes.length > 0);
  return simulate({
    requests: generateLoad(load, 1, { requests }),
    pool: { replicas: replicaConfigs(pool), changes },
    policy: chosen,
    seed: 1,
    information,
  });
}

/** Requests decided in any of `spans` of seconds that `replica` got, as a multiple of a fair share among `replicas`. */
function shareOf(
  { decidedMs, replica: picked }: SimulationRun,
  replica: number,
  replicas: number,
  spans: readonly (readonly [from: number, until: number])[],
): number {
  let [all, own] = [0, 0];
  for (const [row, atMs] of decidedMs.entries()) {
    if (!spans.some(([from, until]) => atMs >= from * 1000 && atMs < until * 1000)) continue;
    all++;
    if (picked[row] === replica) own++;
  }
  return (own / all) * replicas;
}

function ttftP99({ firstTokenMs, arrivedMs }: SimulationRun): number {
  const sorted = firstTokenMs.map((atMs, row) => atMs - arrivedMs[row]!).sort();
  return sorted[Math.floor(0.99 * sorted.length)]!;
}

test("frozen-exporter: samples as they are flood the frozen server, corrected ones give it its share", (context) => {
  const [asTheyAre, corrected] = ["go-default", "default"].map((policy) => {
    const done = run("frozen-exporter", policy, 1500);
    return { share: shareOf(done, 0, 8, [[0, 60]]), p99Ms: ttftP99(done) };
  });
  context.diagnostic(JSON.stringify([asTheyAre, corrected]));
  assert.ok(asTheyAre!.share > 4, `${asTheyAre!.share} of a fair share`);
  assert.ok(corrected!.share > 0.8 && corrected!.share < 1.2, `${corrected!.share} of a fair share`);
  assert.ok(asTheyAre!.p99Ms > 50 * corrected!.p99Ms);
});

test("cold-scale-out: with a slow start the new server soon has its share, without one prefixes leave it idle", (context) => {
  const [least, without, slowStart] = ["least-request", "go-default", "default"].map((policy) => {
    const done = run("cold-scale-out", policy, 2500);
    return [shareOf(done, 8, 9, [[60, 62]]), shareOf(done, 8, 9, [[60, 90]])] as const;
  });
  context.diagnostic(JSON.stringify([least, without, slowStart]));
  assert.ok(least![0] > 1.5, `${least![0]} of a fair share in the first two seconds`);
  assert.ok(without![1] < 0.2, `${without![1]} of a fair share in half a minute`);
  assert.ok(slowStart![0] < 1.2, `${slowStart![0]} of a fair share in the first two seconds`);
  assert.ok(slowStart![1] > 0.85 && slowStart![1] < 1.2, `${slowStart![1]} of a fair share in half a minute`);
});

test("flapping-server: its requests fail, nothing goes there while it is away, only some rush to it when it is back", (context) => {
  const back = [30, 50, 70].map((atS) => [atS, atS + 1] as const);
  const away = [20, 40, 60].map((atS) => [atS, atS + 10] as const);
  const rushes = new Map<string, number>();
  for (const policy of scenario("flapping-server").policies) {
    const done = run("flapping-server", policy, 2600);
    assert.equal(shareOf(done, 0, 8, away), 0, policy);
    const failures = done.outcome.filter((code) => code === failed).length;
    assert.ok(failures > 20 && failures < 100, `${failures} under ${policy}`);
    rushes.set(policy, shareOf(done, 0, 8, back));
  }
  context.diagnostic(JSON.stringify([...rushes]));
  for (const policy of ["least-request", "go-default"]) assert.ok(rushes.get(policy)! > 3, policy);
  assert.ok(rushes.get("default")! < 1.5, "default");
});
