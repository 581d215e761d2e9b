import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EndpointStore } from "../../../src/datastore/store.ts";
import type { PoolSelection } from "../../../src/discovery/kubernetes/inference-pool.ts";
import { PodMembership, type PodRefusal } from "../../../src/discovery/kubernetes/pod-membership.ts";
import { type Pod, readPod } from "../../../src/discovery/kubernetes/pod.ts";
import { aPod, type PodOptions } from "../../support/kube-objects.ts";

const pool: PoolSelection = { selector: { app: "vllm" }, targetPorts: [8000] };
const ranks: PoolSelection = { selector: { app: "vllm" }, targetPorts: [8000, 8001, 8002] };
const pod = (options: PodOptions = {}): Pod => readPod(aPod(options)) ?? assert.fail("no pod");

/** A membership over a real store, and what it told and did. */
class Rig {
  readonly store = new EndpointStore();
  readonly told: string[] = [];
  /** Calls that the store got. */
  readonly calls: string[] = [];
  readonly pods: PodMembership;

  constructor(maxPods = 2000, refusalOf: (pod: Pod) => PodRefusal | undefined = () => undefined) {
    const { store, calls, told } = this;
    this.pods = new PodMembership({
      store: {
        reset: (specs) => {
          calls.push("reset");
          store.reset(specs);
        },
        upsert: (spec) => {
          calls.push(`upsert ${spec.name}`);
          store.upsert(spec);
        },
        remove: (id) => {
          calls.push(`remove ${id}`);
          store.remove(id);
        },
      },
      maxPods,
      refusalOf,
      observer: {
        joined: ({ name }) => told.push(`joined ${name}`),
        left: ({ name }) => told.push(`left ${name}`),
        refused: ({ name }, reason) => told.push(`refused ${name}: ${reason}`),
        replaced: ({ joined, left, members }) => told.push(`replaced +${joined.length} -${left.length} =${members}`),
      },
    });
  }

  /** The store's endpoints as `name@address`. */
  get endpoints(): string[] {
    return this.store.snapshot().map(({ name, address }) => `${name}@${address}`);
  }
}

test("every target port of a ready pod is an endpoint, named by its rank", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  rig.pods.upsert(pod({ name: "a", labels: { app: "vllm", zone: "x" } }));
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.1:8000", "a-rank-1@10.0.0.1:8001", "a-rank-2@10.0.0.1:8002"]);
  const [first] = rig.store.snapshot();
  assert.equal(first?.id, "ns/a-rank-0");
  assert.deepEqual(first.labels, { app: "vllm", zone: "x" });
  assert.deepEqual(rig.told, ["replaced +0 -0 =0", "joined a"]);
});

test("F32 an IPv6 pod has brackets around its address, a pod without one has no endpoint until it gets it", () => {
  const rig = new Rig();
  rig.pods.setPool(pool);
  rig.pods.upsert(pod({ name: "a", ip: "2001:DB8::1" }));
  rig.pods.upsert(pod({ name: "b", ip: "" }));
  assert.deepEqual(rig.endpoints, ["a-rank-0@[2001:db8::1]:8000"]);
  rig.pods.upsert(pod({ name: "b", ip: "10.0.0.2" }));
  assert.deepEqual(rig.endpoints, ["a-rank-0@[2001:db8::1]:8000", "b-rank-0@10.0.0.2:8000"]);
});

test("F11 F12 the active-ports annotation names the ranks that serve; reduced or emptied at run time, ranks leave", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  const withPorts = (text: string): Pod => pod({ name: "a", annotations: { "llm-d.ai/active-ports": text } });
  rig.pods.upsert(withPorts("8002, 8000,9999"));
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.1:8000", "a-rank-2@10.0.0.1:8002"]);
  rig.pods.upsert(withPorts("8002"));
  assert.deepEqual(rig.endpoints, ["a-rank-2@10.0.0.1:8002"]);
  rig.pods.upsert(withPorts(""));
  assert.deepEqual(rig.endpoints, []);
  rig.pods.upsert(pod({ name: "a" }));
  assert.equal(rig.endpoints.length, 3);
  assert.deepEqual(rig.told, ["replaced +0 -0 =0", "joined a"]);
});

test("F14 pods that were told of before the pool are picked up with it, in one step", () => {
  const rig = new Rig();
  rig.pods.upsert(pod({ name: "a" }));
  rig.pods.upsert(pod({ name: "b", ip: "10.0.0.2" }));
  rig.pods.remove(pod({ name: "b" }));
  assert.deepEqual([rig.endpoints, rig.calls], [[], []]);
  rig.pods.setPool(pool);
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.1:8000"]);
  assert.deepEqual(rig.calls, ["reset"]);
});

for (const [what, change] of [
  ["loses Ready", { isReady: false }],
  ["gets a deletionTimestamp", { isTerminating: true }],
  ["loses its label", { labels: { app: "other" } }],
  ["loses its address", { ip: "" }],
] as const) {
  test(`F15 F18 F33 a pod that ${what} leaves at once and comes back with it`, () => {
    const rig = new Rig();
    rig.pods.setPool(ranks);
    rig.pods.upsert(pod({ name: "a" }));
    rig.pods.upsert(pod({ name: "a", ...change }));
    assert.deepEqual(rig.endpoints, []);
    rig.pods.upsert(pod({ name: "a" }));
    assert.equal(rig.endpoints.length, 3);
    assert.deepEqual(rig.told.slice(1), ["joined a", "left a", "joined a"]);
  });
}

test("F16 without a pool the store is empty; the pods that are known come back with the next pool", () => {
  const rig = new Rig();
  rig.pods.setPool(pool);
  rig.pods.upsert(pod({ name: "a" }));
  rig.pods.setPool(undefined);
  assert.deepEqual(rig.endpoints, []);
  rig.pods.upsert(pod({ name: "b", ip: "10.0.0.2" }));
  assert.deepEqual(rig.endpoints, []);
  rig.pods.setPool(pool);
  assert.equal(rig.endpoints.length, 2);
});

test("F20 another pod on the address of a former one inherits nothing", () => {
  const rig = new Rig();
  rig.pods.setPool(pool);
  rig.pods.upsert(pod({ name: "a", uid: "1" }));
  const [picked] = rig.store.snapshot();
  if (picked !== undefined) rig.store.ledger.open(1, picked, 0);
  const [before] = rig.store.snapshot();
  assert.equal(before?.inFlightRequests, 1);
  rig.pods.remove(pod({ name: "a", uid: "1" }));
  rig.pods.upsert(pod({ name: "b", uid: "2" }));
  const [after] = rig.store.snapshot();
  assert.equal(after?.address, before?.address);
  assert.notEqual(after?.incarnation, before?.incarnation);
  assert.equal(after?.inFlightRequests, 0);
});

test("F20 a pod that is replaced under its name and address is another incarnation", () => {
  const rig = new Rig();
  rig.pods.setPool(pool);
  rig.pods.upsert(pod({ name: "a", uid: "1" }));
  rig.pods.upsert(pod({ name: "a", uid: "2" }));
  assert.deepEqual(
    rig.store.snapshot().map(({ incarnation }) => incarnation),
    ["2@10.0.0.1:8000"],
  );
  assert.deepEqual(rig.told.slice(1), ["joined a", "left a", "joined a"]);
});

test("F21 the ranks of one address are distinct endpoints with incarnations of their own", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  rig.pods.upsert(pod({ name: "a", uid: "1" }));
  assert.deepEqual(
    rig.store.snapshot().map(({ id, incarnation, port }) => [id, incarnation, port]),
    [
      ["ns/a-rank-0", "1@10.0.0.1:8000", 8000],
      ["ns/a-rank-1", "1@10.0.0.1:8001", 8001],
      ["ns/a-rank-2", "1@10.0.0.1:8002", 8002],
    ],
  );
});

test("F22 what is said of a former pod after its successor was there does not touch the successor", () => {
  const rig = new Rig();
  rig.pods.setPool(pool);
  const old = { name: "a", uid: "1", createdAt: "2025-01-31T12:00:00Z" };
  const fresh = { name: "a", uid: "2", ip: "10.0.0.2", createdAt: "2025-01-31T12:05:00Z" };
  rig.pods.upsert(pod(old));
  rig.pods.upsert(pod(fresh));
  rig.pods.upsert(pod({ ...old, isTerminating: true }));
  rig.pods.remove(pod(old));
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.2:8000"]);
  rig.pods.remove(pod(fresh));
  assert.deepEqual(rig.endpoints, []);
});

test("F28 a change of selector or ports is one step: no pod of the old selector beside one of the new", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  rig.pods.upsert(pod({ name: "a" }));
  rig.pods.upsert(pod({ name: "b", ip: "10.0.0.2", labels: { app: "other" } }));
  rig.calls.length = 0;
  rig.pods.setPool({ selector: { app: "other" }, targetPorts: [9000] });
  assert.deepEqual(rig.calls, ["reset"]);
  assert.deepEqual(rig.endpoints, ["b-rank-0@10.0.0.2:9000"]);
  rig.pods.replace(pool, [pod({ name: "a" }), pod({ name: "c", ip: "10.0.0.3" })]);
  assert.deepEqual(rig.calls, ["reset", "reset"]);
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.1:8000", "c-rank-0@10.0.0.3:8000"]);
});

test("F28 fewer ports leave no orphan rank, and endpoints that stay keep what is known of them", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  rig.pods.upsert(pod({ name: "a" }));
  const [first] = rig.store.snapshot();
  rig.pods.setPool({ ...ranks, targetPorts: [8000] });
  assert.deepEqual(rig.endpoints, ["a-rank-0@10.0.0.1:8000"]);
  assert.equal(rig.store.snapshot()[0]?.incarnation, first?.incarnation);
});

test("T31 T30 a pod that is refused is told once for each address and reason, however often it changes", () => {
  let refusal: string | undefined = "loopback";
  const rig = new Rig(2000, () => refusal);
  rig.pods.setPool(pool);
  for (const isReady of [true, false, true, true]) rig.pods.upsert(pod({ name: "a", isReady }));
  rig.pods.reset([pod({ name: "a" })]);
  assert.deepEqual(
    rig.told.filter((line) => line.startsWith("refused")),
    ["refused a: loopback"],
  );
  rig.pods.upsert(pod({ name: "a", ip: "10.0.0.9" }));
  assert.equal(rig.told.filter((line) => line.startsWith("refused")).length, 2);
  assert.deepEqual(rig.endpoints, []);
  refusal = undefined;
  rig.pods.upsert(pod({ name: "a" }));
  assert.equal(rig.endpoints.length, 1);
  refusal = "loopback";
  rig.pods.upsert(pod({ name: "a" }));
  assert.deepEqual(rig.endpoints, []);
});

test("T32 pods beyond the cap wait, and the first of them joins when a place is free", () => {
  const rig = new Rig(2);
  rig.pods.setPool(pool);
  for (const name of ["a", "b", "c", "d"]) rig.pods.upsert(pod({ name, ip: `10.0.0.${name.charCodeAt(0)}` }));
  assert.deepEqual(rig.told.slice(1), ["joined a", "joined b", "refused c: max-pods", "refused d: max-pods"]);
  rig.pods.upsert(pod({ name: "a", isReady: false }));
  assert.deepEqual(rig.told.slice(5), ["left a", "joined c"]);
  rig.pods.reset(["d", "c", "b", "a"].map((name) => pod({ name, ip: `10.0.0.${name.charCodeAt(0)}` })));
  assert.deepEqual(rig.endpoints, ["c-rank-0@10.0.0.99:8000", "b-rank-0@10.0.0.98:8000"]);
});

test("F19 a pod whose readiness flaps is a member or none, and leaves nothing behind", () => {
  const rig = new Rig();
  rig.pods.setPool(ranks);
  for (let round = 0; round < 1000; round++) {
    rig.pods.upsert(pod({ name: "a", isReady: round % 2 === 0 }));
    assert.equal(rig.store.snapshot().length, round % 2 === 0 ? 3 : 0);
  }
  assert.equal(rig.pods.members, 0);
  assert.equal(rig.store.ledger.total, 0);
});

// The property: whatever order events come in, the store is what the API server has.

const names = ["a", "b", "c"];
const selectors = [{ app: "vllm" }, { app: "other" }, { app: "vllm", tier: "x" }];
const aLife = fc.record({
  name: fc.constantFrom(...names),
  isReady: fc.boolean(),
  isTerminating: fc.boolean(),
  labels: fc.constantFrom<Record<string, string>>(...selectors),
  ip: fc.constantFrom("", "10.0.0.1", "10.0.0.2", "2001:db8::1", "127.0.0.1"),
  annotations: fc.constantFrom<Record<string, string>>(
    {},
    { "llm-d.ai/active-ports": "8001" },
    { "llm-d.ai/active-ports": "" },
  ),
});
const aSelection = fc.record({
  selector: fc.constantFrom<Record<string, string>>(...selectors),
  targetPorts: fc.constantFrom([8000], [8000, 8001], [8001, 8000], [9000]),
});
type Event =
  | { readonly kind: "create" | "change"; readonly life: PodOptions }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "pool"; readonly pool: PoolSelection | undefined }
  | { readonly kind: "relist" };
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constantFrom("create" as const, "change" as const), life: aLife }),
  fc.record({ kind: fc.constant("delete" as const), name: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant("pool" as const), pool: fc.option(aSelection, { nil: undefined }) }),
  fc.record({ kind: fc.constant("relist" as const) }),
);

/** What the store must have, written out from the contract instead of the code. */
function expected(
  api: ReadonlyMap<string, Required<Pick<PodOptions, "uid">> & PodOptions>,
  selection: PoolSelection | undefined,
): string[] {
  if (selection === undefined) return [];
  return [...api.values()]
    .flatMap(({ name, uid, isReady, isTerminating, labels = {}, ip = "", annotations = {} }) => {
      const isSelected = Object.entries(selection.selector).every(([key, value]) => labels[key] === value);
      if (isReady !== true || isTerminating === true || !isSelected || ip === "" || ip === "127.0.0.1") return [];
      const active = annotations["llm-d.ai/active-ports"];
      return selection.targetPorts.flatMap((port, rank) =>
        active === undefined || active.split(",").includes(String(port))
          ? [`ns/${name}-rank-${rank} ${uid}@${ip.includes(":") ? `[${ip}]` : ip}:${port}`]
          : [],
      );
    })
    .toSorted();
}

test("F22 F28 after any events the store equals what the API server has", () => {
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 40 }), (events) => {
      const rig = new Rig(2000, ({ ip }) => (ip === "127.0.0.1" ? "loopback" : undefined));
      const api = new Map<string, Required<Pick<PodOptions, "uid">> & PodOptions>();
      let [selection, uids]: [PoolSelection | undefined, number] = [undefined, 0];
      for (const event of events) {
        if (event.kind === "pool") rig.pods.setPool((selection = event.pool));
        else if (event.kind === "relist") rig.pods.reset([...api.values()].map(pod));
        else if (event.kind === "delete") {
          const gone = api.get(event.name);
          api.delete(event.name);
          if (gone !== undefined) rig.pods.remove(pod(gone));
        } else {
          const { name = "" } = event.life;
          const present = event.kind === "change" ? api.get(name)?.uid : undefined;
          const uid = present ?? `uid-${++uids}`;
          const createdAt = new Date(Number(uid.slice(4)) * 1000).toISOString();
          const former = api.get(name);
          api.set(name, { ...event.life, uid, createdAt });
          rig.pods.upsert(pod({ ...event.life, uid, createdAt }));
          // The end of the pod that was replaced is told late.
          if (former !== undefined && former.uid !== uid) rig.pods.remove(pod(former));
        }
        const have = rig.store.snapshot().map(({ id, incarnation }) => `${id} ${incarnation}`);
        assert.deepEqual(have.toSorted(), expected(api, selection));
      }
    }),
    { numRuns: 500 },
  );
});

test("T32 after any events with a cap no more pods are members, and none waits while there is room", () => {
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 30 }), fc.integer({ min: 1, max: 2 }), (events, cap) => {
      const rig = new Rig(cap);
      const api = new Map<string, PodOptions>();
      rig.pods.setPool(pool);
      for (const event of events) {
        if (event.kind === "relist") rig.pods.reset([...api.values()].map(pod));
        else if (event.kind === "delete") {
          const gone = api.get(event.name);
          api.delete(event.name);
          if (gone !== undefined) rig.pods.remove(pod(gone));
        } else if (event.kind !== "pool") {
          api.set(event.life.name ?? "", event.life);
          rig.pods.upsert(pod(event.life));
        }
        const able = [...api.values()].filter(
          ({ isReady, isTerminating, labels, ip }) =>
            isReady === true && isTerminating !== true && labels?.["app"] === "vllm" && ip !== "",
        );
        assert.equal(rig.pods.members, Math.min(cap, able.length));
      }
    }),
  );
});
