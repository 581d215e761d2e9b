import assert from "node:assert/strict";
import { test } from "node:test";
import { roundRobin as virtualRoundRobin } from "../../../simulator/demo/balancers.ts";
import { toPoolRequest } from "../../../simulator/demo/pool-request.ts";
import { createScenario, demoReplica } from "../../../simulator/demo/scenario.ts";
import { runVirtualPool } from "../../../simulator/demo/virtual-pool.ts";
import { simulate } from "../../../simulator/engine/simulate.ts";
import { roundRobin } from "../../../simulator/policies/balancers.ts";
import { requestTable } from "../../../simulator/validation/real.ts";

test("a load for emulated servers keeps its tokens, adapters and shared blocks as a table: first tokens are those of the demo's virtual pool", () => {
  const servers = 3;
  const { load } = createScenario({ load: "mixed", seed: 3, servers, seconds: 10 });
  const requests = load.map((request) => toPoolRequest(request, demoReplica));
  const { served } = runVirtualPool(requests, { config: demoReplica, servers }, virtualRoundRobin(servers));
  const replicas = Array.from({ length: servers }, () => demoReplica);
  const run = simulate({ requests: requestTable(load), pool: { replicas }, policy: roundRobin, seed: 1 });
  assert.ok(load.length > 100);
  for (const [i, { server, firstTokenMs }] of served.entries()) {
    assert.equal(run.replica[i], server);
    // The virtual pool leaves out the time from a step to the client.
    const gapMs = (run.firstTokenMs[i] as number) - demoReplica.tokenOverheadMs - firstTokenMs;
    assert.ok(Math.abs(gapMs) < 1e-6, `request ${i}: ${gapMs} ms apart`);
  }
});
