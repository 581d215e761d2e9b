import assert from "node:assert/strict";
import { test } from "node:test";
import { EndpointStore } from "../../../src/datastore/store.ts";
import { ClusterPool, type PoolSource } from "../../../src/discovery/kubernetes/cluster-pool.ts";
import type { Followed } from "../../../src/discovery/kubernetes/follow.ts";
import { PodMembership } from "../../../src/discovery/kubernetes/pod-membership.ts";
import { aKubePool, aPod, type PodOptions, type PoolOptions } from "../../support/kube-objects.ts";

const ofObject: PoolSource = { kind: "object", group: "inference.networking.k8s.io", name: "pool" };

/** A pool that is followed, with the test in the place of the API server. */
class Rig {
  readonly store = new EndpointStore();
  readonly told: string[] = [];
  /** What is followed now, oldest first. */
  readonly open: Followed<unknown>[] = [];
  readonly pool: ClusterPool;

  constructor(source: PoolSource = ofObject) {
    const { store, told, open } = this;
    const nobody = { joined: () => {}, left: () => {}, refused: () => {}, replaced: () => {} };
    this.pool = new ClusterPool({
      namespace: "ns",
      source,
      membership: new PodMembership({ store, observer: nobody, maxPods: 2000, refusalOf: () => undefined }),
      follow: (what) => {
        open.push(what as Followed<unknown>);
        return { close: () => open.splice(open.indexOf(what as Followed<unknown>), 1) };
      },
      observer: {
        changed: ({ isSynced, appProtocol }) =>
          told.push(`${isSynced ? "synced" : "not synced"} ${appProtocol ?? "-"}`),
        missing: () => told.push("missing"),
        invalid: (problem) => told.push(problem),
        selected: ({ targetPorts }) => told.push(`selected ${targetPorts.join()}`),
      },
    });
    this.pool.start();
  }

  /** The API server's list of pools. */
  pools(...pools: PoolOptions[]): void {
    const [followed] = this.#of(/^inferencepools/);
    followed?.sink.reset(pools.map((options) => followed.project(aKubePool(options))));
  }

  /** The answer to the oldest (0) or newest (-1) list of pods. */
  pods(which: 0 | -1, ...pods: PodOptions[]): void {
    const followed = this.#of(/^pods$/).at(which);
    followed?.sink.reset(pods.map((options) => followed.project(aPod(options))));
  }

  /** Label selectors of the pods that are followed. */
  get selectors(): (string | undefined)[] {
    return this.#of(/^pods$/).map(({ selectors }) => selectors?.["labelSelector"]);
  }

  get endpoints(): string[] {
    return this.store.snapshot().map(({ name, port }) => `${name}:${port}`);
  }

  #of(kind: RegExp): Followed<unknown>[] {
    return this.open.filter((followed) => kind.test(followed.kind));
  }
}

test("a pool is asked for by its name, its pods by its selector", () => {
  const rig = new Rig();
  assert.deepEqual(
    rig.open.map(({ kind, path, selectors }) => [kind, path, selectors]),
    [
      [
        "inferencepools.inference.networking.k8s.io",
        "/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools",
        { fieldSelector: "metadata.name=pool" },
      ],
    ],
  );
  rig.pools({ selector: { b: "2", a: "1" } });
  assert.equal(rig.open[1]?.path, "/api/v1/namespaces/ns/pods");
  assert.deepEqual(rig.selectors, ["a=1,b=2"]);
  rig.pool.close();
  assert.deepEqual(rig.open, []);
});

test("F14 F39 a pool is synced once its pods are known, none included; a pool of another name is nobody's", () => {
  const rig = new Rig();
  rig.pools({ name: "other" });
  assert.deepEqual(rig.told, ["not synced -", "missing"]);
  rig.pools({ name: "other" }, { appProtocol: "http" });
  rig.pods(0);
  assert.deepEqual(rig.told.slice(2), ["selected 8000", "synced http"]);
});

test("F16 F28 a pool that is deleted or being deleted empties the store; the next one of its name is followed again", () => {
  for (const gone of [[], [{ isTerminating: true }]]) {
    const rig = new Rig();
    rig.pools({});
    rig.pods(0, { name: "a" });
    assert.deepEqual(rig.endpoints, ["a-rank-0:8000"]);
    rig.pools(...gone);
    rig.pools(...gone);
    assert.deepEqual(rig.endpoints, []);
    assert.deepEqual(rig.told.slice(2), ["not synced -", "missing", "not synced -"]);
    assert.deepEqual(rig.selectors, []);
    rig.pools({ uid: "another" });
    rig.pods(0, { name: "a" });
    assert.deepEqual(rig.endpoints, ["a-rank-0:8000"]);
    assert.equal(rig.told.at(-1), "synced -");
  }
});

test("F28 another selector takes effect whole, once its pods are known", () => {
  const rig = new Rig();
  rig.pools({});
  rig.pods(0, { name: "a" });
  rig.pools({ selector: { app: "other" }, ports: [9000] });
  assert.deepEqual(rig.endpoints, ["a-rank-0:8000"]);
  rig.pods(0, { name: "a" }, { name: "a2" });
  assert.deepEqual(rig.endpoints, ["a-rank-0:8000", "a2-rank-0:8000"], "the present pods are followed meanwhile");
  rig.pods(-1, { name: "b", labels: { app: "other" } });
  assert.deepEqual(rig.endpoints, ["b-rank-0:9000"]);
  assert.deepEqual(rig.selectors, ["app=other"]);
});

test("F28 selectors that change back, or again, before their pods are known leave nothing behind", () => {
  const rig = new Rig();
  rig.pools({});
  rig.pods(0, { name: "a" });
  rig.pools({ selector: { app: "other" } });
  rig.pools({ ports: [8001] });
  assert.deepEqual([rig.selectors, rig.endpoints], [["app=vllm"], ["a-rank-0:8001"]]);
  rig.pools({ selector: { app: "b" } });
  rig.pools({ selector: { app: "c" } });
  rig.pools({ selector: { app: "c" }, ports: [9000] });
  assert.deepEqual(rig.selectors, ["app=vllm", "app=c"]);
  rig.pods(-1, { name: "c", labels: { app: "c" } });
  assert.deepEqual([rig.selectors, rig.endpoints], [["app=c"], ["c-rank-0:9000"]]);
  rig.pools({ selector: { app: "d" } });
  rig.pools();
  assert.deepEqual([rig.selectors, rig.endpoints], [[], []]);
});

test("F28 other ports take effect at once, without asking for pods again", () => {
  const rig = new Rig();
  rig.pools({ ports: [8000, 8001] });
  rig.pods(0, { name: "a" });
  rig.pools({ ports: [8001] });
  assert.deepEqual([rig.endpoints, rig.open.length], [["a-rank-0:8001"], 2]);
  rig.pools({ ports: [8001], appProtocol: "kubernetes.io/h2c" });
  assert.equal(rig.told.at(-1), "synced kubernetes.io/h2c");
});

test("T32 F28 a pool that is not usable leaves the last good one in force and is told once", () => {
  const rig = new Rig();
  rig.pools({ ports: [] });
  assert.deepEqual(rig.told, ["spec.targetPorts: expected 1 to 8 ports, got 0"]);
  rig.pools({});
  rig.pods(0, { name: "a" });
  for (let times = 0; times < 2; times++) rig.pools({ selector: {} });
  assert.deepEqual(rig.endpoints, ["a-rank-0:8000"]);
  assert.deepEqual(rig.told.slice(3), ["spec.selector.matchLabels: expected 1 to 64 labels, got 0"]);
  rig.pools({});
  rig.pools({ selector: {} });
  assert.equal(rig.told.length, 5, "a content that comes back is told again");
});

test("without an InferencePool the given selector and ports are followed at once", () => {
  const pool = { selector: { app: "vllm" }, targetPorts: [8000, 8001], appProtocol: undefined };
  const rig = new Rig({ kind: "given", pool });
  assert.deepEqual(rig.selectors, ["app=vllm"]);
  assert.equal(rig.open.length, 1);
  rig.pods(0, { name: "a" });
  assert.deepEqual(rig.endpoints, ["a-rank-0:8000", "a-rank-1:8001"]);
});
