import assert from "node:assert/strict";
import { test } from "node:test";
import { EndpointStore } from "../../src/datastore/store.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { watchFirstRound } from "../../src/scrape/first-round.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const silent = { scraped: () => {}, failed: () => {} };
const result = { durationMs: 1, bytes: 1, missing: [], rejectedLines: 0 };
const [a, b] = [anEndpoint("a"), anEndpoint("b")];

/** A wait over two endpoints, and whether it is over. */
function aWait(): {
  store: EndpointStore;
  clock: VirtualClock;
  round: ReturnType<typeof watchFirstRound>;
  isOver: () => Promise<boolean>;
} {
  const [store, clock] = [new EndpointStore(), new VirtualClock()];
  store.reset([a, b]);
  const round = watchFirstRound(store, clock, silent);
  let over = false;
  void round.wait().then(() => {
    over = true;
  });
  return {
    store,
    clock,
    round,
    isOver: async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      return over;
    },
  };
}

test("F38 the wait ends when every endpoint was scraped once, well or not", async () => {
  const { clock, round, isOver } = aWait();
  round.observer.scraped(a, result);
  round.observer.scraped(a, result);
  assert.equal(await isOver(), false);
  round.observer.failed(b, "timeout", "");
  assert.equal(await isOver(), true);
  assert.equal(clock.pending, 0);
});

test("F38 the wait ends after 2 s whatever the endpoints do", async () => {
  const { clock, isOver } = aWait();
  clock.advance(1999);
  assert.equal(await isOver(), false);
  clock.advance(1);
  assert.equal(await isOver(), true);
});

test("F38 an endpoint that leaves is not waited for", async () => {
  const { store, round, isOver } = aWait();
  round.observer.scraped(a, result);
  store.remove(b.id);
  assert.equal(await isOver(), true);
});

test("F39 there is no wait without endpoints", async () => {
  const clock = new VirtualClock();
  await watchFirstRound(new EndpointStore(), clock, silent).wait();
  assert.equal(clock.pending, 0);
});

test("F38 only endpoints that are there when the wait begins are waited for, and only scrapes from then on count", async () => {
  const [store, clock] = [new EndpointStore(), new VirtualClock()];
  const round = watchFirstRound(store, clock, silent);
  store.reset([a]);
  round.observer.scraped(a, result);
  let over = false;
  const waited = round.wait().then(() => {
    over = true;
  });
  store.upsert(b);
  round.observer.scraped(b, result);
  await Promise.resolve();
  assert.equal(over, false);
  round.observer.scraped(a, result);
  await waited;
});
