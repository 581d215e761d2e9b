import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createRandom } from "../../../src/lib/random.ts";
import { type FakeApiServer, startFakeApiServer } from "../../support/fake-api-server.ts";
import { aPod } from "../../support/kube/a-pod.ts";
import { connectTo, type ReflectorRig, reflectPods, type SeenObject } from "../../support/kube/reflector-rig.ts";
import type { ReflectorOptions } from "../../../src/discovery/kubernetes/reflector.ts";
import { until } from "../../support/until.ts";

/** A server with pods a and b, and a reflector that watches them. */
async function watched(
  t: TestContext,
  options: Partial<ReflectorOptions<SeenObject>> = {},
): Promise<ReflectorRig & { readonly server: FakeApiServer }> {
  const server = await startFakeApiServer(t);
  for (const name of ["a", "b"]) server.upsert(aPod(name));
  const { api } = await connectTo(t, server);
  const rig = reflectPods(t, api, options);
  await rig.reflector.synced;
  await until("a watch", () => server.watches("pods") === 1);
  return { ...rig, server };
}

test("F24 while the API server is away the last state stays, and what changed meanwhile is there soon after", async (t) => {
  const { server, sink, observer } = await watched(t);
  await server.kill();
  await until("some attempts", () => observer.count("connection") >= 4);
  assert.deepEqual([sink.names, sink.calls], [["a", "b"], ["reset 2"]]);
  server.upsert(aPod("c"));
  server.remove(aPod("a"));
  await server.start();
  await until("the new state", () => sink.names.join() === "b,c");
  assert.deepEqual([observer.lists, server.mostWatches], [1, 1]);
});

test("F24 an API server that forgot what happened meanwhile is listed anew", async (t) => {
  const { server, sink, observer } = await watched(t);
  await server.kill();
  server.upsert(aPod("c"));
  server.remove(aPod("a"));
  server.store.compact();
  server.store.skipVersions(5);
  server.store.compact();
  await server.start();
  await until("the new state", () => sink.names.join() === "b,c");
  assert.deepEqual([observer.lists, observer.count("gone"), sink.calls], [2, 1, ["reset 2", "reset 2"]]);
});

test("F24 one broken connection costs nothing but another watch", async (t) => {
  const { server, sink, observer } = await watched(t);
  server.dropConnections();
  await until("another watch", () => observer.watches === 2);
  server.upsert(aPod("c"));
  await until("pod c", () => sink.names.length === 3);
  assert.deepEqual([observer.lists, observer.failures.length], [1, 1]);
});

test("F25 a server that sends no byte is left after the watchdog's time, and listed anew when it answers", async (t) => {
  const { server, sink, observer } = await watched(t);
  server.freeze();
  server.upsert(aPod("c"));
  await until("the watchdog", () => observer.count("watchdog") === 1);
  await until("a list without answer", () => observer.count("timeout") >= 1);
  assert.deepEqual(sink.names, ["a", "b"]);
  server.thaw();
  await until("the new state", () => sink.names.length === 3);
  assert.equal(observer.lists, 2);
});

const badLines: readonly { what: string; reason: string; inject: (server: FakeApiServer) => void }[] = [
  { what: "410 in band", reason: "gone", inject: (server) => server.injectError("pods", 410, "Expired") },
  { what: "another ERROR event", reason: "error-event", inject: (server) => server.injectError("pods", 500, "Oops") },
  { what: "an ERROR event without Status", reason: "error-event", inject: (s) => s.injectEvent("pods", "ERROR", null) },
  { what: "an unknown type", reason: "unknown-event", inject: (s) => s.injectEvent("pods", "RENAMED", aPod("x")) },
  { what: "a line that is no JSON", reason: "broken-line", inject: (s) => s.inject("pods", '{"type":"ADDED","obj\n') },
  { what: "a line that is no event", reason: "broken-line", inject: (s) => s.inject("pods", "[]\n") },
  { what: "an event without version", reason: "broken-line", inject: (s) => s.injectEvent("pods", "ADDED", aPod("x")) },
  {
    what: "a line that ends in the middle",
    reason: "broken-line",
    inject: (server) => {
      server.inject("pods", '{"type":"MODIFIED","object":{"meta');
      server.endWatches("pods");
    },
  },
  {
    what: "a line without end",
    reason: "too-large",
    inject: (server) => server.inject("pods", "x".repeat(9 * 1024 * 1024)),
  },
];

for (const { what, reason, inject } of badLines) {
  test(`F26 ${what} is counted and leads to a list; no event is lost`, async (t) => {
    const { server, sink, observer } = await watched(t);
    server.faults.swallowEvents = 1;
    server.upsert(aPod("c"));
    server.faults.hasBookmarks = false;
    inject(server);
    await until("a second list", () => observer.lists === 2);
    assert.deepEqual([observer.count(reason), observer.failures.length], [1, 1], observer.failures.join());
    assert.deepEqual(sink.names, ["a", "b", "c"]);
  });
}

test("F26 a watch refused with status 410 leads to a list", async (t) => {
  const { server, sink, observer } = await watched(t);
  server.faults.goneByStatus = true;
  server.faults.swallowEvents = 1;
  server.upsert(aPod("c"));
  server.faults.swallowEvents = 0;
  server.store.skipVersions(1);
  server.store.compact();
  server.dropConnections();
  await until("a second list", () => observer.lists === 2);
  assert.deepEqual([observer.count("gone"), sink.names], [1, ["a", "b", "c"]]);
});

test("F26 a continuation that has expired begins the list anew", async (t) => {
  const server = await startFakeApiServer(t);
  for (let i = 0; i < 120; i++) server.upsert(aPod(`pod-${i}`));
  server.faults.expireContinuations = 1;
  const { api } = await connectTo(t, server);
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  assert.deepEqual([sink.calls, observer.count("gone"), observer.lists], [["reset 120"], 1, 1]);
});

test("F27 refused by RBAC the last state stays, refusals are counted, and all goes on when the role is back", async (t) => {
  const { server, sink, observer } = await watched(t);
  server.forbidden.add("pods");
  server.dropConnections();
  await until("refusals", () => observer.count("forbidden") >= 2);
  assert.match(observer.failures.find((failure) => failure.startsWith("forbidden")) ?? "", /status 403/);
  assert.deepEqual(sink.names, ["a", "b"]);
  server.upsert(aPod("c"));
  server.forbidden.clear();
  await until("pod c", () => sink.names.length === 3);
});

test("missing RBAC at the start: not synced, told in one line, synced when the role is there", async (t) => {
  const server = await startFakeApiServer(t);
  server.forbidden.add("list pods");
  const { api } = await connectTo(t, server);
  const { observer, reflector } = reflectPods(t, api);
  await until("a refusal", () => observer.count("forbidden") >= 1);
  assert.equal(observer.failures[0], 'forbidden: list: found status 403, "Forbidden", expected 200');
  server.forbidden.clear();
  assert.equal(await reflector.synced, true);
});

test("F31 an event that was missed is found and repaired by the check, while the watch goes on", async (t) => {
  const { server, sink, observer } = await watched(t, { times: { driftCheckMs: 300, watchSeconds: [30, 30] } });
  server.faults.swallowEvents = 3;
  server.upsert(aPod("c"));
  server.remove(aPod("a"));
  server.setPodReady("default", "b", false);
  server.upsert(aPod("d"));
  await until("the repair", () => observer.drift > 0);
  assert.deepEqual([sink.names, observer.drift, observer.lists], [["(b)", "c", "d"], 3, 1]);
  assert.deepEqual([observer.watches, observer.failures], [1, []]);
  const checks = (): number => server.seen.filter(({ query }) => query["resourceVersionMatch"] === "Exact").length;
  const before = checks();
  await until("two more checks", () => checks() >= before + 2);
  assert.equal(observer.drift, 3);
});

test("F31 a check of a version that is forgotten leads to a list", async (t) => {
  const { server, sink, observer } = await watched(t, { times: { driftCheckMs: 300, watchSeconds: [30, 30] } });
  server.faults.swallowEvents = 1;
  server.upsert(aPod("c"));
  server.store.compact();
  await until("a list", () => observer.lists === 2);
  assert.deepEqual([sink.names, observer.drift, server.mostWatches], [["a", "b", "c"], 0, 1]);
});

test("F34 with slow answers and lost requests the state converges, one watch at a time", async (t) => {
  const { server, sink, observer } = await watched(t, { times: { driftCheckMs: 400 } });
  Object.assign(server.faults, { latencyMs: 40, lossRatio: 0.2, random: createRandom(7) });
  for (let i = 0; i < 40; i++) {
    server.upsert(aPod(`pod-${i % 10}`, { isReady: i % 3 === 0 }));
    if (i % 4 === 3) server.remove(aPod(`pod-${(i - 2) % 10}`));
    if (i % 10 === 5) server.dropConnections();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const known = (): string[] =>
    [...sink.objects.values()].map((pod) => `${pod.name} ${pod.resourceVersion}`).toSorted();
  await until("the state of the server", () => known().join() === stateOf(server).join());
  assert.equal(server.mostWatches, 1);
  assert.ok(observer.failures.length > 0, "no request was lost");
});

function stateOf(server: FakeApiServer): string[] {
  const pods = server.store.list(
    { group: "", version: "v1", kind: "Pod", plural: "pods", isNamespaced: true },
    "default",
  );
  return pods.map(({ object: { metadata } }) => `${metadata.name} ${metadata.resourceVersion}`).toSorted();
}

test("F36 a resource that is gone for a while has no objects any more, and has them again when it is back", async (t) => {
  const { server, sink, observer } = await watched(t);
  server.absent.add("pods");
  server.dropConnections();
  await until("an answer", () => observer.count("absent") >= 1);
  assert.deepEqual(sink.names, ["a", "b"]);
  await until("nothing", () => sink.names.length === 0);
  server.absent.clear();
  await until("both", () => sink.names.length === 2);
});

test("F30 an optional resource that is absent counts as synced and is followed once it is there", async (t) => {
  const server = await startFakeApiServer(t);
  server.absent.add("inferenceobjectives.llm-d.ai");
  const { api } = await connectTo(t, server);
  const path = "/apis/llm-d.ai/v1alpha2/namespaces/default/inferenceobjectives";
  const options = { kind: "inferenceobjectives.llm-d.ai", path, selectors: {}, isOptional: true };
  const { sink, observer, reflector } = reflectPods(t, api, options);
  assert.equal(await reflector.synced, true);
  await until("more attempts", () => observer.count("absent") >= 3);
  assert.deepEqual(sink.calls, ["reset 0"]);
  server.upsert({
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceObjective",
    metadata: { name: "batch", namespace: "default" },
  });
  server.absent.clear();
  await until("the objective", () => sink.names[0] === "batch");
});

test("a server that ends every watch at once is not asked without pause", async (t) => {
  const { server, observer } = await watched(t, { times: { shortWatchMs: 1_000, backoffMs: [100, 200] } });
  await until("the first watch", () => observer.watches === 1);
  server.endWatches("pods");
  await until("a short watch", () => observer.count("short-watch") === 1);
  assert.equal(observer.watches, 1);
  await until("another watch", () => observer.watches === 2);
  assert.equal(observer.lists, 1);
});

test("F26 a server that says 410 to every watch is listed once at once, then with pauses", async (t) => {
  const { server, observer } = await watched(t, { times: { backoffMs: [150, 300] } });
  const listed = async (): Promise<void> => {
    const before = observer.lists;
    server.injectError("pods", 410, "Expired");
    await until("a list", () => observer.lists > before);
    await until("a watch", () => server.watches("pods") === 1);
  };
  const sinceMs = performance.now();
  await listed();
  for (let i = 0; i < 3; i++) await listed();
  // Three pauses of at least half their ceilings.
  assert.ok(performance.now() - sinceMs >= 75 + 150 + 150);
});
