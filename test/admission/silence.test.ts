import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint, EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { aPlan } from "../support/a-plan.ts";

const specs: EndpointSpec[] = ["a", "b"].map((name) => ({
  id: `default/${name}`,
  incarnation: `${name}@1`,
  name,
  namespace: "default",
  host: "10.0.0.1",
  port: 8000,
  address: "10.0.0.1:8000",
  labels: {},
}));
const detector = aPlan().detector?.detector;
const saturation = (endpoints: readonly Endpoint[]): number => detector?.saturation(endpoints) ?? Number.NaN;

/** Each endpoint of the pool was scraped at `nowMs` and showed this queue. */
function scrape(store: EndpointStore, nowMs: number, waitingRequests: number, scraped = specs): void {
  for (const { id, incarnation } of scraped) {
    store.announceSample(id, incarnation, nowMs);
    store.putSample(id, incarnation, { sampledAtMs: nowMs, waitingRequests });
  }
}

test("a pool that falls silent while it is full is not full for ever", () => {
  const store = new EndpointStore();
  store.reset(specs);
  for (let nowMs = 0; nowMs <= 1000; nowMs += 50) scrape(store, nowMs, 10);
  const seen = [1000, 1200, 2000, 3000, 5000, 61_000].map((nowMs) => saturation(store.snapshot(nowMs)));
  assert.equal(seen[0], 2);
  assert.equal(seen[1], 2, "a sample that is about due is as good as fresh");
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => b - a),
    "it falls steadily",
  );
  assert.ok((seen.at(-1) ?? 1) < 0.01, `${seen.at(-1)}`);
  scrape(store, 62_000, 10);
  assert.equal(saturation(store.snapshot(62_000)), 2);
});

test("one endpoint that falls silent leaves the word to the others", () => {
  const store = new EndpointStore();
  store.reset(specs);
  for (let nowMs = 0; nowMs <= 1000; nowMs += 50) scrape(store, nowMs, 10);
  for (let nowMs = 1050; nowMs <= 61_000; nowMs += 50) scrape(store, nowMs, 1, specs.slice(1));
  const full = saturation(store.snapshot(61_000));
  assert.ok(Math.abs(full - 0.2) < 0.01, `${full}`);
});

test("a pool that never showed a page is not full, however much this picker sent", () => {
  const store = new EndpointStore();
  store.reset(specs);
  const [spec] = specs;
  assert.ok(spec);
  for (let streamKey = 0; streamKey < 50; streamKey++) store.ledger.open(streamKey, spec, 0);
  assert.equal(store.snapshot(0)[0]?.inFlightRequests, 50);
  assert.equal(saturation(store.snapshot(0)), 0);
  const byRequests = aPlan("plugins: [{type: concurrency-detector, parameters: {maxConcurrency: 25}}]").detector;
  assert.equal(byRequests?.detector.saturation(store.snapshot(0)), 1, "50 and 0 of 25 each");
});
