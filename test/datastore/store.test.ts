import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSpec } from "../../src/datastore/endpoint.ts";
import { unknownSignals } from "../../src/datastore/sample.ts";
import type { Signal } from "../../src/datastore/signal.ts";
import { EndpointStore } from "../../src/datastore/store.ts";

function spec(name: string, incarnation = `${name}@1`, labels: Record<string, string> = {}): EndpointSpec {
  const id = `default/${name}`;
  return {
    id,
    incarnation,
    name,
    namespace: "default",
    host: "10.0.0.1",
    port: 8000,
    address: "10.0.0.1:8000",
    labels,
  };
}

function storeWith(...specs: EndpointSpec[]): EndpointStore {
  const store = new EndpointStore();
  store.reset(specs);
  return store;
}

/** A store that shows what was scraped: these tests are about who is in it and what was kept. */
function plainStoreWith(...specs: EndpointSpec[]): EndpointStore {
  const store = new EndpointStore({ corrections: false });
  store.reset(specs);
  return store;
}

const [a, b] = [spec("a"), spec("b")];
const untouched = { inFlightRequests: 0, prefillTokens: 0, lastResort: false, slowStart: undefined };

test("snapshot starts with unknown signals", () => {
  const [endpoint] = plainStoreWith(a).snapshot();
  assert.deepEqual(endpoint, { ...a, signals: unknownSignals, ...untouched });
});

test("snapshot is the same array until something changes", () => {
  const store = storeWith(a, b);
  const before = store.snapshot();
  store.upsert({ ...a, labels: {} });
  store.remove("default/unknown");
  store.announceSample(a.id, a.incarnation, 1);
  assert.equal(store.snapshot(), before);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, waitingRequests: 1 });
  assert.notEqual(store.snapshot(), before);
});

test("snapshot gives a new object to changed endpoints only", () => {
  const store = plainStoreWith(a, b);
  const before = store.snapshot();
  store.putSample(b.id, b.incarnation, { sampledAtMs: 1, waitingRequests: 4 });
  const after = store.snapshot();
  assert.equal(after[0], before[0]);
  assert.notEqual(after[1], before[1]);
  assert.equal(before[1]?.signals.waitingRequests.value, undefined);
  assert.deepEqual(after[1]?.signals.waitingRequests, { value: 4, sampledAtMs: 1, source: "scraped" });
});

test("an endpoint whose signals are guessed keeps its object until the guess or the endpoint changes", () => {
  const store = storeWith(a, b);
  const known = store.snapshot()[0];
  assert.equal(known?.signals.waitingRequests.source, "blended");
  store.upsert(spec("c"));
  store.putSample(b.id, b.incarnation, { sampledAtMs: 0, waitingRequests: 0 });
  assert.equal(store.snapshot()[0], known);
  store.putSample(b.id, b.incarnation, { sampledAtMs: 1, waitingRequests: 4 });
  const guessed = store.snapshot()[0];
  assert.equal(guessed?.signals.waitingRequests.value, 4);
  store.upsert({ ...a, labels: { role: "decode" } });
  assert.deepEqual(store.snapshot()[0]?.labels, { role: "decode" });
});

test("reset keeps known incarnations, their samples and the given order", () => {
  const store = plainStoreWith(a, b);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, runningRequests: 2 });
  const known = store.snapshot()[0];
  store.reset([b, spec("c"), a]);
  assert.deepEqual(
    store.snapshot().map(({ name }) => name),
    ["b", "c", "a"],
  );
  assert.equal(store.snapshot()[2], known);
});

test("upsert takes over new labels and keeps the signals", () => {
  const store = storeWith(a);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, runningRequests: 2 });
  store.upsert({ ...a, labels: { role: "decode" } });
  const [endpoint] = store.snapshot();
  assert.deepEqual(endpoint?.labels, { role: "decode" });
  assert.equal(endpoint?.signals.runningRequests.value, 2);
  assert.deepEqual(store.find(a.id, a.incarnation)?.labels, { role: "decode" });
});

test("F20 upsert of another incarnation inherits nothing", () => {
  const store = plainStoreWith(a, b);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, runningRequests: 2 });
  store.putContact(a.id, a.incarnation, "refused");
  store.putContact(a.id, a.incarnation, "refused");
  const entry = store.ledger.open(1, a, 2);
  const successor = spec("a", "a@2");
  store.upsert(successor);
  assert.deepEqual(store.snapshot()[0], { ...successor, signals: unknownSignals, ...untouched });
  store.ledger.close(entry);
  assert.equal(store.ledger.total, 0);
  assert.equal(store.snapshot()[0]?.inFlightRequests, 0);
});

test("putSample ignores an endpoint that left or was replaced", () => {
  const store = storeWith(a, b);
  store.upsert(spec("a", "a@2"));
  store.remove(b.id);
  const before = store.snapshot();
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, waitingRequests: 1 });
  store.putSample(b.id, b.incarnation, { sampledAtMs: 1, waitingRequests: 1 });
  assert.equal(store.snapshot(), before);
});

test("putSample keeps old value and time of a missing family and makes an unusable one unknown", () => {
  const store = plainStoreWith(a);
  const adapters = { running: new Set(["x"]), waiting: new Set<string>(), maxAdapters: 4 };
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, waitingRequests: 1, runningRequests: 2, adapters });
  store.putSample(a.id, a.incarnation, { sampledAtMs: 9, kvCacheRatio: 0.5, runningRequests: null });
  const signals = store.snapshot()[0]?.signals;
  assert.deepEqual(signals?.waitingRequests, { value: 1, sampledAtMs: 1, source: "scraped" });
  assert.deepEqual(signals?.runningRequests, unknownSignals.runningRequests);
  assert.deepEqual(signals?.kvCacheRatio, { value: 0.5, sampledAtMs: 9, source: "scraped" });
  assert.deepEqual(signals?.adapters, { value: adapters, sampledAtMs: 1, source: "scraped" });
});

test("putSample takes a signal for absent until a page has it", () => {
  const store = plainStoreWith(a);
  const absent = ["waitingRequests", "kvCacheRatio"] as const;
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, absent });
  store.putSample(a.id, a.incarnation, { sampledAtMs: 2, absent });
  const { waitingRequests, runningRequests, kvCacheRatio } = store.snapshot()[0]!.signals;
  assert.deepEqual(waitingRequests, { value: undefined, sampledAtMs: 2, source: "absent" });
  assert.deepEqual(kvCacheRatio, waitingRequests);
  assert.deepEqual(runningRequests, unknownSignals.runningRequests);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 3, waitingRequests: 4 });
  store.putSample(a.id, a.incarnation, { sampledAtMs: 5, absent });
  assert.deepEqual(store.snapshot()[0]?.signals.waitingRequests, { value: 4, sampledAtMs: 3, source: "scraped" });
});

test("an absent signal stays so while pages are fresh and fades like any other when they stop", () => {
  const store = storeWith(a, b);
  const absent = ["waitingRequests", "runningRequests", "kvCacheRatio"] as const;
  store.putSample(a.id, a.incarnation, { sampledAtMs: 0, absent });
  const kvOf = (nowMs: number): Signal => {
    store.putSample(b.id, b.incarnation, { sampledAtMs: nowMs, kvCacheRatio: 0.5 });
    return store.snapshot(nowMs)[0]!.signals.kvCacheRatio;
  };
  assert.deepEqual(kvOf(1), { value: undefined, sampledAtMs: 0, source: "absent" });
  const { value = 0, source } = kvOf(60_000);
  assert.equal(source, "blended");
  assert.ok(value > 0.4 && value <= 0.5, `${value}`);
});

test("putSample keeps the known adapter maximum when the newest series has none", () => {
  const store = storeWith(a);
  const none = new Set<string>();
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, adapters: { running: none, waiting: none, maxAdapters: 4 } });
  const newer = { running: new Set(["y"]), waiting: none, maxAdapters: undefined };
  store.putSample(a.id, a.incarnation, { sampledAtMs: 2, adapters: newer });
  assert.deepEqual(store.snapshot()[0]?.signals.adapters.value, { ...newer, maxAdapters: 4 });
});

test("snapshot is corrected by requests dispatched and ended since the sample was asked for", () => {
  const store = storeWith(a);
  const { ledger } = store;
  const load = (): unknown[] => {
    const endpoint = store.snapshot()[0];
    const { waitingRequests, runningRequests } = endpoint!.signals;
    return [waitingRequests.value, waitingRequests.source, runningRequests.value, runningRequests.source];
  };
  const early = ledger.open(1, a, 1);
  store.announceSample(a.id, a.incarnation, 5);
  const late = ledger.open(2, a, 5);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 5, waitingRequests: 10, runningRequests: 3 });
  assert.deepEqual(load(), [11, "corrected", 3, "scraped"]);
  ledger.close(early);
  assert.deepEqual(load(), [11, "corrected", 2, "corrected"]);
  ledger.close(late);
  assert.deepEqual(load(), [10, "scraped", 2, "corrected"]);
  store.announceSample(a.id, a.incarnation, 50);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 50, waitingRequests: 10, runningRequests: 2 });
  assert.deepEqual(load(), [10, "scraped", 2, "scraped"]);
});

test("a running total stays as it was scraped and corrects nothing", () => {
  const store = storeWith(a);
  const { ledger } = store;
  const early = ledger.open(1, a, 1);
  store.announceSample(a.id, a.incarnation, 5);
  const sample = { sampledAtMs: 5, waitingRequests: 0, runningRequests: 4000, runningIsTotal: true };
  store.putSample(a.id, a.incarnation, sample);
  ledger.open(2, a, 6);
  ledger.close(early);
  const { waitingRequests, runningRequests } = store.snapshot()[0]!.signals;
  assert.deepEqual(runningRequests, { value: 4000, sampledAtMs: 5, source: "total" });
  assert.equal(waitingRequests.value, 1);
});

test("a family that a page lacks is corrected against its own older sample", () => {
  const store = storeWith(a);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, waitingRequests: 10, runningRequests: 3 });
  store.ledger.open(1, a, 2);
  store.announceSample(a.id, a.incarnation, 5);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 5, runningRequests: 4 });
  const signals = store.snapshot()[0]?.signals;
  assert.deepEqual(signals?.waitingRequests, {
    value: 11,
    sampledAtMs: 1,
    source: "corrected",
    scraped: 10,
  });
  assert.deepEqual(signals?.runningRequests, { value: 4, sampledAtMs: 5, source: "scraped" });
});

test("an announced sample that fails leaves the correction against the older one", () => {
  const store = storeWith(a);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 1, waitingRequests: 1, runningRequests: 3 });
  store.ledger.open(1, a, 2);
  store.announceSample(a.id, a.incarnation, 5);
  store.announceSample(a.id, a.incarnation, 9);
  store.ledger.open(2, a, 10);
  assert.equal(store.snapshot()[0]?.signals.waitingRequests.value, 3);
  store.putSample(a.id, a.incarnation, { sampledAtMs: 9, waitingRequests: 2 });
  assert.equal(store.snapshot()[0]?.signals.waitingRequests.value, 3);
});

test("putContact makes an endpoint last resort after two refusals in a row until it answers", () => {
  const store = storeWith(a);
  const isLastResortAfter = (outcome: "answered" | "refused" | "unclear"): boolean | undefined => {
    store.putContact(a.id, a.incarnation, outcome);
    return store.snapshot()[0]?.lastResort;
  };
  const steps = ["refused", "answered", "refused", "unclear", "refused", "refused", "unclear", "refused", "answered"];
  const seen = steps.map((step) => isLastResortAfter(step as "answered"));
  assert.deepEqual(seen, [false, false, false, false, false, true, true, true, false]);
});

test("listeners hear of joining and leaving incarnations in order", () => {
  const store = new EndpointStore();
  const heard: string[] = [];
  store.onAdded(({ incarnation }) => heard.push(`+${incarnation}`));
  const end = store.onRemoved(({ incarnation }) => heard.push(`-${incarnation}`));
  store.reset([a, b]);
  store.upsert(spec("a", "a@2"));
  store.reset([b]);
  end();
  store.remove(b.id);
  assert.deepEqual(heard, ["+a@1", "+b@1", "-a@1", "+a@2", "-a@2"]);
});
