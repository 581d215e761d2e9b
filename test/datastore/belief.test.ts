import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Believed, blend, fullConfidence, needsPrior, poolPrior } from "../../src/datastore/belief.ts";
import { unknownSignals } from "../../src/datastore/sample.ts";
import { type Signal, unknownSignal } from "../../src/datastore/signal.ts";

const signal = (value: number | undefined): Signal =>
  value === undefined ? unknownSignal : { value, sampledAtMs: 5, source: "scraped" };

function believed(waiting: number | undefined, kv: number | undefined, open: number, confidence = 1): Believed {
  return {
    signals: { ...unknownSignals, waitingRequests: signal(waiting), kvCacheRatio: signal(kv) },
    confidences: { waitingRequests: confidence, runningRequests: confidence, kvCacheRatio: confidence },
    openRequests: open,
  };
}

test("blend leaves what is wholly believed as it is", () => {
  const endpoint = believed(3, 0.5, 1);
  const { waitingRequests, kvCacheRatio } = blend(endpoint, poolPrior([endpoint, believed(9, 0.9, 4)]));
  assert.equal(waitingRequests, endpoint.signals.waitingRequests);
  assert.equal(kvCacheRatio, endpoint.signals.kvCacheRatio);
});

const cases: readonly { name: string; endpoint: Believed; others: Believed[]; waiting: number; kv: number }[] = [
  {
    name: "an old sample goes towards the pool's mean where own requests are like the others'",
    endpoint: believed(0, 0.1, 2, 0.5),
    others: [believed(4, 0.5, 2), believed(6, 0.7, 2)],
    waiting: 0.5 * 4,
    kv: 0.5 * 0.1 + 0.5 * 0.5,
  },
  {
    name: "an endpoint that nobody believes is rated by its own requests around the mean",
    endpoint: believed(0, 0.1, 5, 0),
    others: [believed(4, 0.5, 2), believed(6, 0.7, 2)],
    waiting: 5 + 3,
    kv: 1,
  },
  {
    name: "fewer own requests than the others never make a count negative",
    endpoint: believed(9, 0.9, 0, 0),
    others: [believed(1, 0.5, 4)],
    waiting: 0,
    kv: 0,
  },
  {
    name: "an endpoint that was never sampled gets the guess",
    endpoint: believed(undefined, undefined, 2),
    others: [believed(4, 0.5, 2)],
    waiting: 4,
    kv: 0.5,
  },
];
for (const { name, endpoint, others, waiting, kv } of cases) {
  test(`blend: ${name}`, () => {
    assert.ok(needsPrior(endpoint));
    const { waitingRequests, kvCacheRatio } = blend(endpoint, poolPrior([endpoint, ...others]));
    assert.ok(Math.abs((waitingRequests.value ?? Number.NaN) - waiting) < 1e-4, `${waitingRequests.value}`);
    assert.ok(Math.abs((kvCacheRatio.value ?? Number.NaN) - kv) < 1e-4, `${kvCacheRatio.value}`);
    assert.equal(waitingRequests.source, "blended");
    assert.equal(waitingRequests.scraped, endpoint.signals.waitingRequests.value);
  });
}

test("a pool that was never sampled is rated by own requests alone; its cache stays unknown", () => {
  const pool = [believed(undefined, undefined, 3), believed(undefined, undefined, 0)];
  const blended = pool.map((endpoint) => blend(endpoint, poolPrior(pool)));
  assert.deepEqual(
    blended.map(({ waitingRequests }) => waitingRequests.value),
    [3, 0],
  );
  assert.equal(blended[0]?.kvCacheRatio, unknownSignal);
});

test("a total is not blended and counts in no mean", () => {
  const total: Signal = { value: 4000, sampledAtMs: 1, source: "total" };
  const endpoint = { ...believed(1, 0.5, 1), signals: { ...unknownSignals, runningRequests: total } };
  const prior = poolPrior([endpoint]);
  assert.equal(prior.means.runningRequests, undefined);
  assert.equal(blend({ ...endpoint, confidences: fullConfidence }, prior).runningRequests, total);
});

test("a pool that is silent as a whole ranks by requests in flight, whatever it showed last", () => {
  const one = fc.record({
    waiting: fc.integer({ min: 0, max: 50 }),
    kv: fc.double({ min: 0.01, max: 1, noNaN: true }),
    open: fc.integer({ min: 0, max: 100 }),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), (servers) => {
      const pool = servers.map(({ waiting, kv, open }) => believed(waiting, kv, open, 0));
      const prior = poolPrior(pool);
      const ranked = pool
        .map((endpoint) => ({ open: endpoint.openRequests, signals: blend(endpoint, prior) }))
        .toSorted((a, b) => a.open - b.open);
      for (const [i, { signals }] of ranked.entries()) {
        const before = ranked[i - 1]?.signals;
        if (before === undefined) continue;
        assert.ok((signals.waitingRequests.value ?? -1) >= (before.waitingRequests.value ?? 0) - 1e-9);
        assert.ok((signals.kvCacheRatio.value ?? -1) >= (before.kvCacheRatio.value ?? 0) - 1e-9);
      }
    }),
  );
});
