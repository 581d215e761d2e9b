import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type InFlightEntry, InFlightLedger } from "../../src/datastore/in-flight-ledger.ts";
import { scrapedOf, type Signal } from "../../src/datastore/signal.ts";
import { EndpointStore } from "../../src/datastore/store.ts";

test("close counts an entry once", () => {
  const ledger = new InFlightLedger();
  const entry = ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 0);
  ledger.open(2, { id: "ns/a", incarnation: "a@1" }, 0);
  ledger.close(entry);
  ledger.close(entry);
  assert.equal(ledger.openRequests("ns/a", "a@1"), 1);
  assert.equal(ledger.total, 1);
});

test("open of the same stream at the same incarnation returns the open entry", () => {
  const ledger = new InFlightLedger();
  const entry = ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 0);
  assert.equal(ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 3), entry);
  assert.equal(ledger.total, 1);
});

test("close of an old receipt does not close the stream's next entry", () => {
  const ledger = new InFlightLedger();
  const first = ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 0);
  ledger.close(first);
  ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 3);
  ledger.close(first);
  assert.equal(ledger.total, 1);
});

test("incarnations of one id count apart, also after the old one left the pool", () => {
  const ledger = new InFlightLedger();
  const old = ledger.attach("ns/a", "a@1", () => {});
  const entry = ledger.open(1, { id: "ns/a", incarnation: "a@1" }, 0);
  ledger.detach(old);
  ledger.attach("ns/a", "a@2", () => {});
  ledger.open(2, { id: "ns/a", incarnation: "a@2" }, 0);
  assert.deepEqual([ledger.openRequests("ns/a", "a@1"), ledger.openRequests("ns/a", "a@2")], [1, 1]);
  ledger.close(entry);
  assert.deepEqual([ledger.openRequests("ns/a", "a@1"), ledger.openRequests("ns/a", "a@2")], [0, 1]);
});

const step = fc.oneof(
  fc.record({ do: fc.constant("open" as const), stream: fc.nat(5), id: fc.nat(2), life: fc.nat(1) }),
  fc.record({ do: fc.constant("close" as const), entry: fc.nat(40) }),
  fc.record({ do: fc.constant("upsert" as const), id: fc.nat(2), life: fc.nat(1) }),
  fc.record({ do: fc.constant("remove" as const), id: fc.nat(2) }),
  fc.record({ do: fc.constant("announce" as const), id: fc.nat(2), life: fc.nat(1) }),
  fc.record({ do: fc.constant("sample" as const), id: fc.nat(2), life: fc.nat(1), has: fc.nat(3), late: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const ids = ["ns/0", "ns/1", "ns/2"] as const;

/** The value of a signal that was ever sampled. */
function known(signal: Signal): number | undefined {
  return scrapedOf(signal) === undefined ? undefined : signal.value;
}

/** Applies steps to a store and to a model that keeps every request with the times it was opened and closed at. */
class Model {
  readonly store = new EndpointStore();
  readonly entries: { entry: InFlightEntry; closedAt: number | undefined }[] = [];
  readonly sampledAt = new Map<string, { waiting?: number; running?: number; waits?: number }>();
  readonly announcedAt = new Map<string, number>();
  now = 0;

  constructor() {
    this.store.onRemoved(({ id, incarnation }) => {
      this.sampledAt.delete(`${id} ${incarnation}`);
      this.announcedAt.delete(`${id} ${incarnation}`);
    });
  }

  run(action: Step): void {
    const now = ++this.now;
    const { store } = this;
    if (action.do === "close") return this.close(this.entries[action.entry]);
    const id = ids[action.id] as string;
    if (action.do === "remove") return store.remove(id);
    const incarnation = `life ${action.life}`;
    if (action.do === "open") return this.open(action.stream, id, incarnation);
    if (action.do === "sample") return this.sample(id, incarnation, action);
    if (action.do === "upsert") {
      return store.upsert({
        id,
        incarnation,
        name: id,
        namespace: "ns",
        host: "::1",
        port: 1,
        address: "",
        labels: {},
      });
    }
    if (store.find(id, incarnation) !== undefined) this.announcedAt.set(`${id} ${incarnation}`, now);
    store.announceSample(id, incarnation, now);
  }

  open(stream: number, id: string, incarnation: string): void {
    const entry = this.store.ledger.open(stream, { id, incarnation }, this.now);
    if (this.entries.every((other) => other.entry !== entry)) this.entries.push({ entry, closedAt: undefined });
  }

  close(known: { entry: InFlightEntry; closedAt: number | undefined } | undefined): void {
    if (known === undefined) return;
    known.closedAt ??= this.now;
    this.store.ledger.close(known.entry);
  }

  sample(id: string, incarnation: string, { has, late }: { has: number; late: boolean }): void {
    const key = `${id} ${incarnation}`;
    const announced = late ? this.announcedAt.get(key) : undefined;
    const sampledAtMs = announced ?? this.now;
    if (announced !== undefined) this.announcedAt.delete(key);
    const [waiting, running] = [(has & 1) > 0, (has & 2) > 0];
    if (this.store.find(id, incarnation) !== undefined) {
      const since = {
        ...(waiting ? { waiting: sampledAtMs, waits: this.now * 1000 } : {}),
        ...(running ? { running: sampledAtMs } : {}),
      };
      this.sampledAt.set(key, { ...this.sampledAt.get(key), ...since });
    }
    this.store.putSample(id, incarnation, {
      sampledAtMs,
      // Grows by more than was dispatched, so that nothing is taken to have been absorbed.
      waitingRequests: waiting ? this.now * 1000 : undefined,
      runningRequests: running ? 2 : undefined,
    });
  }

  check(): void {
    const open = this.entries.filter(({ closedAt }) => closedAt === undefined);
    assert.equal(this.store.ledger.total, open.length);
    for (const { id, incarnation, inFlightRequests, signals } of this.store.snapshot()) {
      const own = this.entries.filter(({ entry }) => entry.id === id && entry.incarnation === incarnation);
      assert.equal(inFlightRequests, own.filter(({ closedAt }) => closedAt === undefined).length);
      const { waiting, running, waits = 0 } = this.sampledAt.get(`${id} ${incarnation}`) ?? {};
      const added = own.filter(({ entry, closedAt }) => closedAt === undefined && entry.openedAtMs > (waiting ?? 0));
      assert.equal(known(signals.waitingRequests), waiting === undefined ? undefined : waits + added.length);
      const ended = own.filter(
        ({ entry, closedAt = -1 }) => entry.openedAtMs <= (running ?? 0) && closedAt > (running ?? 0),
      );
      assert.equal(known(signals.runningRequests), running === undefined ? undefined : Math.max(0, 2 - ended.length));
    }
  }
}

test("counts and corrections equal a full recount after any interleaving, and end at zero", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const action of steps) {
        model.run(action);
        model.check();
      }
      model.now++;
      for (const known of model.entries) model.close(known);
      model.check();
      assert.equal(model.store.ledger.total, 0);
      for (const id of ids) {
        for (const life of ["life 0", "life 1"]) assert.equal(model.store.ledger.openRequests(id, life), 0);
      }
    }),
    { numRuns: 10_000 },
  );
});
