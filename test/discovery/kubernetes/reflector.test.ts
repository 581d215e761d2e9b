import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeApiServer } from "../../support/fake-api-server.ts";
import { aPod } from "../../support/kube/a-pod.ts";
import { connectTo, reflectPods } from "../../support/kube/reflector-rig.ts";
import { until } from "../../support/until.ts";

test("pods that are there, come, change and go are in the sink", async (t) => {
  const server = await startFakeApiServer(t);
  server.upsert(aPod("a"));
  server.upsert(aPod("other", { labels: { app: "web" } }));
  const { api } = await connectTo(t, server);
  const { sink, reflector } = reflectPods(t, api);
  assert.equal(await reflector.synced, true);
  assert.deepEqual([sink.names, sink.calls], [["a"], ["reset 1"]]);
  await until("watch", () => server.watches("pods") === 1);
  server.upsert(aPod("b", { isReady: false }));
  await until("pod b", () => sink.names.includes("(b)"));
  server.setPodReady("default", "b", true);
  await until("b ready", () => sink.names.includes("b"));
  server.remove(aPod("a"));
  await until("a gone", () => !sink.names.includes("a"));
  assert.deepEqual(sink.calls, ["reset 1", "upsert b", "upsert b", "remove a"]);
});

test("F33 a label that moves a pod out of the selector removes it", async (t) => {
  const server = await startFakeApiServer(t);
  server.upsert(aPod("a"));
  const { api } = await connectTo(t, server);
  const { sink, reflector } = reflectPods(t, api);
  await reflector.synced;
  server.upsert(aPod("a", { labels: { app: "web" } }));
  await until("a out", () => sink.names.length === 0);
  server.upsert(aPod("a"));
  await until("a in", () => sink.names.length === 1);
});

test("watches end by their timeout and are taken up where they ended, over few connections", async (t) => {
  const server = await startFakeApiServer(t);
  server.upsert(aPod("a"));
  const { api } = await connectTo(t, server);
  const { sink, observer } = reflectPods(t, api);
  await until("three watches", () => observer.watches === 3);
  server.upsert(aPod("b"));
  await until("pod b", () => sink.names.length === 2);
  assert.deepEqual([observer.lists, observer.failures, server.mostWatches], [1, [], 1]);
  const watches = server.seen.filter(({ isWatch }) => isWatch);
  for (const { query } of watches) {
    assert.equal(query["allowWatchBookmarks"], "true");
    assert.match(query["timeoutSeconds"] ?? "", /^[12]$/);
    assert.equal(query["labelSelector"], "app=vllm");
  }
  assert.ok(server.connections <= 2, `${server.connections} connections`);
});

test("one object is followed by its name", async (t) => {
  const server = await startFakeApiServer(t);
  const pool = (name: string): Parameters<typeof server.upsert>[0] => ({
    apiVersion: "inference.networking.k8s.io/v1",
    kind: "InferencePool",
    metadata: { name, namespace: "default" },
    spec: { selector: { matchLabels: { app: "vllm" } }, targetPorts: [{ number: 8000 }] },
  });
  server.upsert(pool("other"));
  const { api } = await connectTo(t, server);
  const { sink, reflector } = reflectPods(t, api, {
    kind: "inferencepools",
    path: "/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools",
    selectors: { fieldSelector: "metadata.name=mine" },
  });
  await reflector.synced;
  assert.deepEqual(sink.names, []);
  server.upsert(pool("mine"));
  await until("the pool", () => sink.names[0] === "mine");
  server.remove(pool("mine"));
  await until("no pool", () => sink.names.length === 0);
});

test("an object that cannot be read leaves what was known of it, and nothing else suffers", async (t) => {
  const server = await startFakeApiServer(t);
  server.upsert(aPod("a"));
  const { api } = await connectTo(t, server);
  const { sink, observer, reflector } = reflectPods(t, api, {
    project: (object) => {
      const { metadata } = object as { metadata: { name: string; uid: string; annotations?: object } };
      if (metadata.annotations !== undefined) throw new Error("found annotations");
      return { ...metadata, resourceVersion: "", isReady: true };
    },
  });
  await reflector.synced;
  server.upsert(aPod("a", { annotations: { bad: "yes" } }));
  server.upsert(aPod("b"));
  await until("pod b", () => sink.names.length === 2);
  assert.deepEqual(observer.failures, ["unreadable-object: default/a: found annotations"]);
  assert.deepEqual(sink.calls, ["reset 1", "upsert b"]);
});

test("F22 a delete of the pod that had the name before leaves the new one", async (t) => {
  const server = await startFakeApiServer(t);
  const old = server.upsert(aPod("a"));
  const { api } = await connectTo(t, server);
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  await until("watch", () => server.watches("pods") === 1);
  const { metadata } = old;
  server.injectEvent("pods", "ADDED", { ...old, metadata: { ...metadata, uid: "new", resourceVersion: "900" } });
  server.injectEvent("pods", "DELETED", { ...old, metadata: { ...metadata, resourceVersion: "901" } });
  server.injectEvent("pods", "MODIFIED", { ...old, metadata: { ...metadata, uid: "new", resourceVersion: "902" } });
  await until("three events", () => sink.calls.length >= 4);
  assert.deepEqual(sink.calls, ["reset 1", "remove a", "upsert a", "upsert a"]);
  assert.deepEqual([...sink.objects.keys()], ["new"]);
  assert.deepEqual(observer.failures, []);
});

test("close ends the watch and the sink hears no more; closed before the first list, synced is false", async (t) => {
  const server = await startFakeApiServer(t);
  const { api } = await connectTo(t, server);
  const { sink, observer, reflector } = reflectPods(t, api);
  await reflector.synced;
  await until("watch", () => server.watches("pods") === 1);
  reflector.close();
  await until("no watch", () => server.watches("pods") === 0);
  server.upsert(aPod("late"));
  assert.deepEqual([sink.calls, observer.isClosed, observer.failures], [["reset 0"], true, []]);
  server.freeze();
  const early = reflectPods(t, api);
  early.reflector.close();
  assert.equal(await early.reflector.synced, false);
});

test("F29 a list of 5000 pods of 10 KB comes in pages of half a megabyte, and only what is needed is kept", async (t) => {
  const server = await startFakeApiServer(t);
  const bytes = 10_000;
  for (let i = 0; i < 5_000; i++) server.upsert(aPod(`pod-${i}`, { bytes }));
  const { api } = await connectTo(t, server);
  const { sink, observer, reflector } = reflectPods(t, api, { times: { pageTimeoutMs: 30_000 } });
  await reflector.synced;
  assert.deepEqual([sink.calls, observer.failures], [["reset 5000"], []]);
  const limits = server.seen.filter(({ isWatch }) => !isWatch).map(({ query }) => Number(query["limit"]));
  assert.ok(Math.max(...limits) * bytes <= 550_000, `pages of up to ${Math.max(...limits)} pods`);
  assert.ok(limits.length <= 120, `${limits.length} pages`);
  const [pod] = sink.objects.values();
  assert.ok(JSON.stringify(pod).length < 200);
});
