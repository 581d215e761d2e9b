import assert from "node:assert/strict";
import { test } from "node:test";
import { EndpointStore } from "../../src/datastore/store.ts";
import { createRandom } from "../../src/lib/random.ts";
import { loadOf } from "../../src/scheduling/request-load.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { aPlan } from "../support/a-plan.ts";
import { anEndpoint } from "../support/an-endpoint.ts";
import { aRequest } from "../support/a-request.ts";

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const requests = 200;

/**
 * The greatest over the mean of initial plus assigned work when 200 distinct prompts come within one scrape interval of a
 * second and nothing ends. `waiting[i]`: what the only sample of server i shows.
 */
function unevenness(seed: number, waiting: readonly number[], corrections: boolean): number {
  const random = createRandom(seed);
  const store = new EndpointStore({ corrections });
  const servers = waiting.map((_, i) => anEndpoint(`server-${i}`, { port: 8000 + i }));
  store.reset(servers);
  for (const [i, { id, incarnation }] of servers.entries()) {
    store.announceSample(id, incarnation, 0);
    const cacheInfo = { blockSizeTokens: 16, blocks: 4096 };
    const sample = { sampledAtMs: 0, runningRequests: 4, kvCacheRatio: 0.3, cacheInfo };
    store.putSample(id, incarnation, { ...sample, waitingRequests: waiting[i] });
  }
  const plan = aPlan();
  const work = [...waiting];
  for (let i = 0; i < requests; i++) {
    const nowMs = (i * 1000) / requests;
    const request = aRequest({ prompt: `${random()} ${"to be or not to be ".repeat(30)}` });
    const decision = schedule(request, store.snapshot(nowMs), { plan, random, nowMs });
    assert.equal(decision.kind, "picked");
    const [picked] = decision.endpoints;
    store.ledger.open(i, picked, nowMs, loadOf(decision.cycle, picked));
    noteDispatched(plan, decision);
    const server = servers.findIndex(({ id }) => id === picked.id);
    work[server] = (work[server] ?? 0) + 1;
  }
  return Math.max(...work) / (work.reduce((sum, one) => sum + one) / work.length);
}

/** One idle server, seven with 1 to 4 waiting. */
function oneIdle(seed: number): number[] {
  const random = createRandom(seed);
  return [0, ...Array.from({ length: 7 }, () => 1 + Math.floor(random() * 4))];
}

test("a burst within one scrape interval spreads over servers sampled at different depths", () => {
  for (const seed of seeds) {
    const uneven = unevenness(seed, oneIdle(seed), true);
    assert.ok(uneven <= 1.3, `seed ${seed}: ${uneven}`);
  }
});

test("without corrections the same burst goes to the server that was idle", () => {
  for (const seed of seeds) assert.ok(unevenness(seed, oneIdle(seed), false) > 3);
});

test("a burst over cold equal servers is even", () => {
  for (const seed of seeds) {
    const uneven = unevenness(seed, new Array<number>(8).fill(0), true);
    assert.ok(uneven <= 1.15, `seed ${seed}: ${uneven}`);
  }
});
