import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { DecisionRing, defaultRingLimits } from "../../src/decisions/decision-ring.ts";
import type { KeptDecision } from "../../src/decisions/kept-decision.ts";
import { type KeptSnapshot, SnapshotKeeper } from "../../src/decisions/kept-snapshot.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { createRandom } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { Scratch } from "../../src/scheduling/scratch.ts";
import { aLog } from "../support/a-decision.ts";
import { aPlan } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const refusal = { kind: "reject", reason: "rejected-no-endpoints", message: "none" } as const;

/** A ring, and a way to add refusals to it that saw a pool. */
function aRing(limits: { records: number; bytes: number }) {
  const snapshots = new SnapshotKeeper();
  const ring = new DecisionRing(snapshots, limits);
  const add = (sequence: number, requestId: string, pool: readonly Endpoint[] = []) =>
    ring.add(kept(sequence, requestId, snapshots.keep(pool)));
  return { ring, add };
}

function kept(sequence: number, requestId: string, snapshot: KeptSnapshot): KeptDecision {
  return {
    sequence,
    arrivedAtMs: sequence,
    decidedAtMs: sequence,
    wallMs: sequence,
    requestId,
    request: undefined,
    configRevision: "r",
    outcome: { destination: undefined, refusal, by: undefined },
    snapshot,
    allowed: undefined,
    offered: undefined,
    course: undefined,
  };
}

test("the oldest decisions go first, and what is left is found by its id, newest first", () => {
  const idLists = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 40 });
  fc.assert(
    fc.property(idLists, fc.integer({ min: 1, max: 9 }), (ids, records) => {
      const { ring, add } = aRing({ records, bytes: 1e9 });
      for (const [i, id] of ids.entries()) add(i + 1, id);
      const left = ids
        .map((id, i) => [i + 1, id] as const)
        .slice(-records)
        .toReversed();
      const named = (found: readonly KeptDecision[]) => found.map(({ sequence, requestId }) => [sequence, requestId]);
      assert.deepEqual(named(ring.newest(100)), left);
      assert.deepEqual(named(ring.newest(2)), left.slice(0, 2));
      assert.deepEqual(
        named(ring.newest(100, 5)),
        left.filter(([sequence]) => sequence > 5),
      );
      for (const id of ["a", "b", "c", "d"]) {
        const wanted = left.filter(([, requestId]) => requestId === id);
        assert.deepEqual(named(ring.find(id, 100)), wanted);
        assert.deepEqual(named(ring.find(id, 1)), wanted.slice(0, 1));
      }
      assert.deepEqual(ring.find("", 100), []);
      assert.equal(ring.state.records, left.length);
      assert.equal(ring.state.oldestAtMs, left.at(-1)?.[0]);
    }),
  );
});

test("bytes are bounded, and depend only on what is in the ring", () => {
  const version = (i: number, waiting: number): Endpoint =>
    anEndpoint(`server-${i}`, { waiting, cache: { blocks: waiting }, adapters: { running: new Set(["a"]) } });
  const changeLists = fc.array(fc.tuple(fc.nat(8), fc.boolean()), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(changeLists, fc.integer({ min: 1, max: 8 }), (changes, records) => {
      let pool: readonly Endpoint[] = Array.from({ length: 9 }, (_, i) => version(i, 0));
      const pools = changes.map(([at, isChanged], i) => {
        if (isChanged) pool = pool.map((endpoint, j) => (j === at ? version(j, i) : endpoint));
        return pool;
      });
      const filled = (from: number, limits: { records: number; bytes: number }) => {
        const { ring, add } = aRing(limits);
        for (const [i, some] of pools.entries()) if (i >= from) add(i + 1, `request-${i + 100}`, some);
        return ring.state;
      };
      const { bytes } = filled(0, { records, bytes: 1e9 });
      assert.equal(bytes, filled(Math.max(0, pools.length - records), { records, bytes: 1e9 }).bytes);
      const tight = filled(0, { records, bytes: Math.floor(bytes / 2) });
      assert.ok(tight.bytes <= bytes / 2 || tight.records === 1);
    }),
  );
});

/** Bytes of heap and of buffers in use. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Decisions at 500 a second on ten endpoints that are scraped every 50 ms, each answered after 300 decisions. */
function fill(decisions: number): { log: ReturnType<typeof aLog>; store: EndpointStore } {
  const clock = new VirtualClock(0);
  const log = aLog(clock);
  const store = new EndpointStore();
  const names = Array.from({ length: 10 }, (_, i) => `server-${i}`);
  store.reset(names.map((name, i) => anEndpoint(name, { host: `10.0.0.${i}` })));
  const [plan, random, scratch] = [aPlan(), createRandom(3), new Scratch()];
  const open: ReturnType<typeof store.ledger.open>[] = [];
  for (let i = 0; i < decisions; i++) {
    clock.advance(2);
    const nowMs = clock.nowMs();
    if (i % 25 < names.length) {
      const { id, incarnation } = store.snapshot(nowMs)[i % 25]!;
      store.announceSample(id, incarnation, nowMs);
      const sample = { waitingRequests: Math.floor(random() * 9), runningRequests: 20, kvCacheRatio: random() };
      store.putSample(id, incarnation, {
        ...sample,
        sampledAtMs: nowMs,
        cacheInfo: { blockSizeTokens: 16, blocks: 4096 },
      });
    }
    const model = Buffer.from("a-model-of-usual-length").toString();
    const requestId = Buffer.from(`7d0c9a4e-5f3b-4c57-9a51-${i.toString().padStart(12, "0")}`).toString();
    const decision = routeRequest(
      aRequest({ requestId, model, prompt: `prompt ${i}` }),
      undefined,
      {
        nowMs: () => nowMs,
        snapshot: () => store.snapshot(nowMs),
        schedule: (request, candidates) => schedule(request, candidates, { nowMs, random, plan, scratch }),
        decided: (decided) => log.decided(decided),
      },
      nowMs - 0.4,
    );
    if (decision.kind !== "forward") throw new Error("no endpoint");
    const [{ id, incarnation }] = decision.picked.endpoints;
    open.push(store.ledger.open(i, { id, incarnation }, nowMs));
    const done = open[i - 300];
    if (done !== undefined) store.ledger.close(done);
  }
  return { log, store };
}

test("the bytes that the ring counts are the memory that it takes, give or take a third", (t) => {
  fill(1000);
  const before = usedBytes();
  const { log, store } = fill(12_000);
  const taken = usedBytes() - before;
  const { records, bytes } = log.state;
  const figures = `${records} records, ${bytes} bytes counted, ${taken} taken`;
  assert.ok(bytes <= defaultRingLimits.bytes, figures);
  assert.ok(taken / bytes > 0.67 && taken / bytes < 1.33, figures);
  assert.equal(store.ledger.total, 300);
  t.diagnostic(figures);
});
