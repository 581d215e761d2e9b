import assert from "node:assert/strict";
import test from "node:test";
import { leastRequest, roundRobin } from "../../../simulator/demo/balancers.ts";
import { poolCapacity } from "../../../simulator/demo/capacity.ts";
import { type PoolRequest, runVirtualPool } from "../../../simulator/demo/virtual-pool.ts";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { createRandom } from "../../../src/lib/random.ts";

/** A step takes 10 ms whatever is in it. */
const config: ReplicaConfig = {
  ...presetConfig("llama-3-8b-l4"),
  coefficients: { baseMs: 10, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0, attentionNs: 0 },
  requestOverheadMs: 0,
  maxSeqs: 2,
};

function someRequests(count: number, gapMs: number): PoolRequest[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    arrivalMs: id * gapMs,
    promptTokens: 8,
    outputTokens: 5,
    blockHashes: new Float64Array(0),
    adapter: undefined,
  }));
}

test("runVirtualPool serves requests where the router sends them", () => {
  const { served, loads } = runVirtualPool(someRequests(4, 100), { config, servers: 2 }, roundRobin(2));
  assert.deepEqual(served, [
    { server: 0, firstTokenMs: 10, lastTokenMs: 50 },
    { server: 1, firstTokenMs: 110, lastTokenMs: 150 },
    { server: 0, firstTokenMs: 210, lastTokenMs: 250 },
    { server: 1, firstTokenMs: 310, lastTokenMs: 350 },
  ]);
  assert.deepEqual(
    loads.map(({ finishedRequests }) => finishedRequests),
    [2, 2],
  );
});

test("runVirtualPool tells the router what ended, and every server's state once an interval", () => {
  const ended: number[] = [];
  const scrapes: [server: number, atMs: number][] = [];
  runVirtualPool(
    someRequests(2, 0),
    { config, servers: 2, scrapeMs: 20 },
    {
      route: () => 0,
      finished: ({ id }) => ended.push(id),
      scraped: (server, _load, nowMs) => scrapes.push([server, nowMs]),
    },
  );
  assert.deepEqual(ended, [0, 1]);
  assert.deepEqual(scrapes, [
    [0, 0],
    [1, 10],
    [0, 20],
    [1, 30],
    [0, 40],
    [1, 50],
  ]);
});

test("leastRequest spreads open requests better than chance", () => {
  const router = leastRequest(10, createRandom(1));
  const open = new Array<number>(10).fill(0);
  for (const request of someRequests(1000, 1)) open[router.route(request, 0)]! += 1;
  assert.ok(Math.max(...open) - Math.min(...open) <= 6, open.join(" "));
});

test("poolCapacity is batch over time for requests of one length", () => {
  // 2 servers x 2 at a time, 5 steps of 10 ms each.
  assert.ok(Math.abs(poolCapacity(someRequests(400, 0), config, 2) - 80) < 1);
  assert.throws(() => poolCapacity(someRequests(19, 0), config, 2), /19 requests, expected at least 20/);
});
