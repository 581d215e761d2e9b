import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { aPod } from "./a-pod.ts";
import { connect, reflectPods } from "./reflector-rig.ts";
import type { KubeObject } from "./resources.ts";
import type { SuiteCluster } from "./suite-cluster.ts";
import { until } from "../until.ts";

/** Waits for what a server brings about, a slow machine's included. */
const eventually = (what: string, isTrue: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> =>
  until(what, isTrue, withinMs);

const aPool = (name: string, port = 8000): KubeObject => ({
  apiVersion: "inference.networking.k8s.io/v1",
  kind: "InferencePool",
  metadata: { name, namespace: "default" },
  spec: { selector: { matchLabels: { app: "vllm" } }, targetPorts: [{ number: port }] },
});

const anObjective = (name: string): KubeObject => ({
  apiVersion: "llm-d.ai/v1alpha2",
  kind: "InferenceObjective",
  metadata: { name, namespace: "default" },
  spec: { priority: 1, poolRef: { name: "mine" } },
});

/** Counts requests that pass through, by what their query says. */
function counting(api: ApiServer): { readonly api: ApiServer; readonly queries: Readonly<Record<string, string>>[] } {
  const queries: Readonly<Record<string, string>>[] = [];
  return {
    queries,
    api: {
      url: api.url,
      ask: (request) => {
        queries.push(request.query ?? {});
        return api.ask(request);
      },
      watch: (request) => api.watch(request),
      close: () => api.close(),
    },
  };
}

/** Times that suit a real API server on a busy machine. */
const times = { pageTimeoutMs: 10_000, backoffMs: [50, 500], absentMs: 1_000, watchSeconds: [2, 3] } as const;

/** What holds for the picker against any API server; `start` gives each test a cluster with an empty namespace "default". */
export function clusterSuite(name: string, start: (t: TestContext) => Promise<SuiteCluster>): void {
  test(`${name}: pods come, become ready, change their labels and go`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPod("a"));
    await cluster.create(aPod("other", { labels: { app: "web" } }));
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times });
    await reflector.synced;
    assert.deepEqual(sink.calls, ["reset 1"]);
    await cluster.create(aPod("b", { isReady: false }));
    await eventually("pod b", () => sink.names.includes("(b)"));
    await cluster.patch(aPod("b"), { status: { conditions: [{ type: "Ready", status: "True" }] } }, "status");
    await eventually("pod b ready", () => sink.names.includes("b"));
    await cluster.patch(aPod("a"), { metadata: { labels: { app: "web" } } });
    await eventually("F33: pod a out", () => sink.names.join() === "b");
    await cluster.remove(aPod("b"));
    await eventually("nothing", () => sink.names.length === 0);
    await eventually("three watches", () => observer.watches >= 3);
    assert.deepEqual([observer.lists, observer.failures], [1, []]);
  });

  test(`${name}: a terminating pod is told as it is until it is gone`, async (t) => {
    const cluster = await start(t);
    const pod = aPod("a", { finalizers: ["example.com/wait"] });
    await cluster.create(pod);
    const { sink, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times });
    await reflector.synced;
    const before = sink.calls.length;
    await cluster.remove(pod);
    await eventually("the mark", () => sink.calls.length > before);
    assert.deepEqual([sink.names, sink.calls.at(-1)], [["a"], "upsert a"]);
    await cluster.patch(pod, { metadata: { finalizers: null } });
    await eventually("nothing", () => sink.names.length === 0);
  });

  test(`${name}: one InferencePool is followed by its name`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPool("other"));
    const { sink, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), {
      kind: "inferencepools.inference.networking.k8s.io",
      path: "/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools",
      selectors: { fieldSelector: "metadata.name=mine" },
      times,
    });
    await reflector.synced;
    assert.deepEqual(sink.names, []);
    await cluster.create(aPool("mine"));
    await eventually("the pool", () => sink.names[0] === "mine");
    await cluster.patch(aPool("mine"), { spec: { targetPorts: [{ number: 8001 }] } });
    await eventually("its change", () => sink.calls.length === 3);
    await cluster.remove(aPool("mine"));
    await eventually("no pool", () => sink.names.length === 0);
  });

  test(`${name}: F29 a list comes in pages, F31 a check finds what is there and no drift`, async (t) => {
    const cluster = await start(t);
    for (let i = 0; i < 120; i++) await cluster.create(aPod(`pod-${i}`, { bytes: 3_000 }));
    const { api, queries } = counting(await connect(t, cluster.kubeconfig));
    const { sink, observer, reflector } = reflectPods(t, api, { times: { ...times, driftCheckMs: 700 } });
    await reflector.synced;
    assert.deepEqual([sink.names.length, sink.calls], [120, ["reset 120"]]);
    const pages = queries.length;
    assert.ok(pages >= 2, `${pages} pages`);
    assert.equal(queries.filter(({ continue: next }) => next !== undefined).length, pages - 1);
    await cluster.patch(aPod("pod-7"), { metadata: { labels: { more: "yes" } } });
    const checks = (): number => queries.filter(({ resourceVersionMatch }) => resourceVersionMatch === "Exact").length;
    await eventually("three checks", () => checks() >= 4);
    assert.deepEqual([observer.drift, observer.failures, sink.names.length], [0, [], 120]);
  });

  test(`${name}: F24 while the API server is away the state stays, and it is followed when it is back`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPod("a"));
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times });
    await reflector.synced;
    await eventually("a watch", () => observer.watches === 1);
    await cluster.kill();
    await eventually("attempts", () => observer.count("connection") >= 4);
    assert.deepEqual(sink.names, ["a"]);
    await cluster.start();
    await cluster.create(aPod("b"));
    await eventually("pod b", () => sink.names.join() === "a,b");
  });

  test(`${name}: F26 versions that the API server has forgotten lead to a list`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPod("a"));
    const long = { ...times, watchSeconds: [60, 60] } as const;
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times: long });
    await reflector.synced;
    await eventually("a watch", () => observer.watches === 1);
    await cluster.forget();
    await cluster.kill();
    await cluster.start();
    await cluster.create(aPod("b"));
    await eventually("pod b", () => sink.names.join() === "a,b");
    t.diagnostic(`lists ${observer.lists}, gone ${observer.count("gone")}, ${observer.failures.at(-1)}`);
    assert.equal(observer.lists, 1 + observer.count("gone"));
  });

  test(`${name}: F27 without rights the state stays, and it is followed when they are back`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPod("a"));
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times });
    await reflector.synced;
    await cluster.setRights(false);
    await eventually("refusals", () => observer.count("forbidden") >= 2);
    assert.deepEqual(sink.names, ["a"]);
    await cluster.create(aPod("b"));
    await cluster.setRights(true);
    await eventually("pod b", () => sink.names.join() === "a,b");
  });

  test(`${name}: F37 a token that ended is replaced by that of the file, and nothing is dropped`, async (t) => {
    const cluster = await start(t);
    await cluster.create(aPod("a"));
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), { times });
    await reflector.synced;
    await eventually("a watch", () => observer.watches === 1);
    await cluster.replaceToken();
    const before = observer.watches;
    await eventually("two more watches", () => observer.watches >= before + 2);
    await cluster.create(aPod("b"));
    await eventually("pod b", () => sink.names.join() === "a,b");
    const dropped = sink.calls.slice(1).filter((call) => !call.startsWith("upsert"));
    assert.deepEqual([observer.count("unauthorized"), dropped], [0, []]);
  });

  test(`${name}: F30 a kind that is unknown counts as synced, and is followed once it is known`, async (t) => {
    const cluster = await start(t);
    const { sink, observer, reflector } = reflectPods(t, await connect(t, cluster.kubeconfig), {
      kind: "inferenceobjectives.llm-d.ai",
      path: "/apis/llm-d.ai/v1alpha2/namespaces/default/inferenceobjectives",
      selectors: {},
      isOptional: true,
      times,
    });
    assert.equal(await reflector.synced, true);
    assert.ok(observer.count("absent") >= 1);
    await cluster.installObjectives();
    await cluster.create(anObjective("batch"));
    await eventually("the objective", () => sink.names[0] === "batch");
  });

  test(`${name}: F35 a lease is created once and written by who has seen its last version`, async (t) => {
    const cluster = await start(t);
    const api = await connect(t, cluster.kubeconfig);
    const path = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    const lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "epp" },
      spec: { holderIdentity: "me", leaseDurationSeconds: 15 },
    };
    const ask = async (method: "GET" | "POST" | "PUT", at: string, body?: unknown): Promise<[number, KubeObject]> => {
      const reply = await api.ask({ method, path: at, body, timeoutMs: 10_000 });
      return [reply.status, reply.body as KubeObject];
    };
    assert.equal((await ask("GET", `${path}/epp`))[0], 404);
    const [created, first] = await ask("POST", path, lease);
    assert.deepEqual([created, (await ask("POST", path, lease))[0]], [201, 409]);
    assert.equal((await ask("PUT", `${path}/epp`, { ...first, spec: { holderIdentity: "you" } }))[0], 200);
    assert.equal((await ask("PUT", `${path}/epp`, { ...first, spec: { holderIdentity: "me" } }))[0], 409);
    const [, last] = await ask("GET", `${path}/epp`);
    assert.equal((last["spec"] as { holderIdentity: string }).holderIdentity, "you");
  });
}
