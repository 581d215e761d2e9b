import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordSignals } from "../../src/decisions/signals-record.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import type { Signal } from "../../src/datastore/signal.ts";
import { aDecision, aLog } from "../support/a-decision.ts";
import { aPlan } from "../support/a-plan.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const age = fc.constantFrom(0, -3, -70_000);
const signal: fc.Arbitrary<Signal> = fc.oneof(
  fc.record({ value: fc.nat(9), sampledAtMs: age, source: fc.constantFrom("scraped" as const, "total" as const) }),
  fc.record({
    value: fc.double({ min: 0, max: 1, noNaN: true }),
    scraped: fc.option(fc.nat(9), { nil: undefined }),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    sampledAtMs: age,
    source: fc.constantFrom("corrected" as const, "blended" as const),
  }),
  fc.constant<Signal>({ value: undefined, sampledAtMs: Number.NEGATIVE_INFINITY, source: "unknown" }),
);
const signals = fc.record({ waitingRequests: signal, runningRequests: signal, kvCacheRatio: signal });
const traits = fc.record({
  inFlight: fc.nat(9),
  prefillTokens: fc.nat(99),
  cache: fc.record({ blocks: fc.nat(9), blockSizeTokens: fc.nat(99) }),
  adapters: fc.constantFrom({ running: new Set(["a", "b"]), maxAdapters: 4 }, { waiting: new Set(["c"]) }),
});

test("a record shows every candidate as the decision saw it, also when others have changed since", () => {
  const log = aLog();
  fc.assert(
    fc.property(fc.array(fc.tuple(signals, traits), { minLength: 1, maxLength: 9 }), fc.nat(8), (pool, changed) => {
      const endpoints = pool.map(([some, more], i): Endpoint => {
        const endpoint = anEndpoint(`server-${i}`, more);
        return { ...endpoint, signals: { ...endpoint.signals, ...some } };
      });
      const record = aDecision({ endpoints, log });
      aDecision({ endpoints: endpoints.map((some, i) => (i === changed ? anEndpoint(`server-${i}`) : some)), log });
      const again = aDecision({ endpoints, log });
      for (const { candidates } of [record, again]) {
        assert.deepEqual(
          candidates.map(({ id, inFlightRequests, prefillTokens, signals: shown }) => [
            id,
            inFlightRequests,
            prefillTokens,
            shown,
          ]),
          endpoints.map((some) => [some.id, some.inFlightRequests, some.prefillTokens, recordSignals(some.signals, 2)]),
        );
      }
    }),
  );
});

test("a record tells step by step who was taken out", () => {
  const endpoints = [
    anEndpoint("elsewhere", { host: "10.0.0.2" }),
    anEndpoint("dead", { lastResort: true }),
    anEndpoint("full", { slowStart: "ahead" }),
    anEndpoint("good", { waiting: 3 }),
  ];
  const { removals, pool, candidates, picked } = aDecision({ endpoints, subset: "10.0.0.1" });
  assert.deepEqual(pool, { endpoints: 4, allowed: 3 });
  assert.deepEqual(
    removals.map(({ step, removed }) => [step, removed.map(({ id, found }) => [id, found])]),
    [
      ["subset-hint", [["default/elsewhere", null]]],
      ["last-resort", [["default/dead", null]]],
      ["slow-start", [["default/full", "ahead"]]],
    ],
  );
  assert.deepEqual([candidates.map(({ id }) => id), picked], [["default/good"], ["default/good"]]);
});

test("a newcomer that is behind its share is the only candidate, and the record says so", () => {
  const endpoints = [anEndpoint("old", { waiting: 0 }), anEndpoint("new", { waiting: 0, slowStart: "behind" })];
  const { removals, candidates } = aDecision({ endpoints, plan: aPlan("plugins: [{type: queue-scorer}]") });
  assert.deepEqual(
    removals.map(({ step, removed }) => [step, removed[0]?.id]),
    [["slow-start", "default/old"]],
  );
  assert.deepEqual(
    candidates.map(({ id, slowStart }) => [id, slowStart]),
    [["default/new", "behind"]],
  );
});
