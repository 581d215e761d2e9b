import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EndpointSignals } from "../../src/datastore/endpoint.ts";
import { unknownSignals } from "../../src/datastore/sample.ts";
import type { Signal } from "../../src/datastore/signal.ts";
import { type SampleOutcome, TrackRecord } from "../../src/datastore/track-record.ts";

const signal = (value: number, sampledAtMs: number): Signal => ({ value, sampledAtMs, source: "scraped" });

function signals(waiting: number, running: number, kv: number, atMs: number): EndpointSignals {
  return {
    ...unknownSignals,
    waitingRequests: signal(waiting, atMs),
    runningRequests: signal(running, atMs),
    kvCacheRatio: signal(kv, atMs),
  };
}

/** Samples every `everyMs` that all show the same; `change` says what was expected and what the own streams were. */
function afterSamples(
  count: number,
  shown: { waiting: number; running: number; kv: number },
  change: Partial<SampleOutcome> = {},
  everyMs = 50,
): TrackRecord {
  const record = new TrackRecord();
  for (let i = 0; i < count; i++) {
    const at = (time: number): EndpointSignals => signals(shown.waiting, shown.running, shown.kv, time);
    const atMs = i * everyMs;
    const before = at(atMs - everyMs);
    record.learn({ atMs, before, predicted: before, after: at(atMs), dispatched: 0, openRequests: 0, ...change });
  }
  return record;
}

const idle = { waiting: 0, running: 0, kv: 0 };

test("TrackRecord believes fresh samples wholly, halves old ones every half-life", () => {
  const record = afterSamples(40, { waiting: 2, running: 4, kv: 0.5 });
  const scraped = signals(2, 4, 0.5, 0);
  assert.deepEqual(record.confidences(scraped, 250), { waitingRequests: 1, runningRequests: 1, kvCacheRatio: 1 });
  assert.equal(record.freshUntilMs(scraped), 250);
  const halfLifeMs = record.halfLifeMs("waitingRequests", 2);
  assert.equal(halfLifeMs, 2000, "a signal that does not move keeps the longest");
  assert.ok(Math.abs(record.confidences(scraped, 250 + halfLifeMs).waitingRequests - 0.5) < 1e-9);
  assert.ok(Math.abs(record.confidences(scraped, 250 + 3 * halfLifeMs).waitingRequests - 0.125) < 1e-9);
});

test("TrackRecord has no confidence in what was never sampled", () => {
  const none = { waitingRequests: 0, runningRequests: 0, kvCacheRatio: 0 };
  assert.deepEqual(new TrackRecord().confidences(unknownSignals, 0), none);
});

test("TrackRecord takes samples that come seldom for fresh longer", () => {
  const record = afterSamples(20, idle, {}, 1000);
  assert.equal(record.freshUntilMs(signals(0, 0, 0, 0)), 3000);
});

test("TrackRecord gives a signal that moves a shorter half-life, within its bounds", () => {
  const record = new TrackRecord({ minMs: 100, maxMs: 5000 });
  for (let i = 0; i < 100; i++) {
    const [before, after] = [signals(0, 0, 0, (i - 1) * 500), signals(i % 2 === 0 ? 0 : 40, 0, 0.001 * i, i * 500)];
    record.learn({ atMs: i * 500, before, predicted: before, after, dispatched: 0, openRequests: 0 });
  }
  assert.ok(record.halfLifeMs("kvCacheRatio", 0) > 1000);
  assert.equal(record.halfLifeMs("runningRequests", 0), 5000);
});

test("TrackRecord shrinks a correction that never comes true, to a quarter at least", () => {
  const predicted = signals(8, 0, 0.4, 0);
  const { requests, kvCacheRatio } = afterSamples(400, idle, { predicted }).trust;
  assert.equal(requests, 0.25);
  assert.equal(kvCacheRatio, 0.25);
});

test("TrackRecord keeps a correction that comes true", () => {
  const record = new TrackRecord();
  for (let i = 1; i < 100; i++) {
    const [before, after] = [signals(i, 0, i / 200, (i - 1) * 50), signals(i + 1, 0, (i + 1) / 200, i * 50)];
    record.learn({ atMs: i * 50, before, predicted: after, after, dispatched: 1, openRequests: i });
  }
  assert.deepEqual(record.trust, { requests: 1, kvCacheRatio: 1 });
  assert.equal(record.residuals.waitingRequests, 0);
});

test("TrackRecord tells the mean of scraped less predicted", () => {
  const record = afterSamples(2000, { waiting: 5, running: 0, kv: 0 }, { predicted: signals(7, 0, 0, 0) });
  assert.ok(Math.abs((record.residuals.waitingRequests ?? 0) + 2) < 1e-6);
});

test("TrackRecord learns what an engine absorbs, and forgets it slowly", () => {
  const record = new TrackRecord();
  const [before, after] = [signals(2, 3, 0, 0), signals(1, 8, 0, 100)];
  record.learn({ atMs: 0, before, predicted: before, after: before, dispatched: 0, openRequests: 0 });
  record.learn({ atMs: 100, before, predicted: before, after, dispatched: 4, openRequests: 4 });
  assert.equal(record.absorbedWithin(50), 2, "4 in 100 ms");
  assert.equal(record.absorbedWithin(-1), 0);
});

const liesTable: readonly { name: string; shown: number; open: number; want: number }[] = [
  { name: "agrees", shown: 6, open: 6, want: 1 },
  { name: "shows more than ours: other pickers send too", shown: 20, open: 6, want: 1 },
  { name: "shows half of ours", shown: 3, open: 6, want: 1 },
  { name: "shows nothing of ours", shown: 0, open: 6, want: 0 },
  { name: "shows nothing of the one that is open", shown: 0, open: 1, want: 0 },
  { name: "shows nothing and nothing is open", shown: 0, open: 0, want: 1 },
];
for (const { name, shown, open, want } of liesTable) {
  test(`TrackRecord credits a page that ${name} with ${want}`, () => {
    const record = afterSamples(400, { waiting: 0, running: shown, kv: 0 }, { openRequests: open });
    assert.equal(record.credit, want);
  });
}

test("TrackRecord learns nothing from a total or from a family that the sample lacks", () => {
  const record = new TrackRecord();
  const total: Signal = { value: 9000, sampledAtMs: 50, source: "total" };
  for (const atMs of [0, 50, 100]) {
    const before = { ...signals(0, 0, 0, 0), runningRequests: total };
    const after = { ...signals(0, 0, 0, 0), runningRequests: { ...total, sampledAtMs: atMs } };
    record.learn({ atMs, before, predicted: before, after, dispatched: 0, openRequests: 50 });
  }
  assert.equal(record.credit, 1);
  assert.deepEqual(record.trust, { requests: 1, kvCacheRatio: 1 });
  assert.equal(record.residuals.runningRequests, undefined);
});

test("TrackRecord's findings stay within their bounds whatever it is told", () => {
  const count = fc.integer({ min: 0, max: 1e6 });
  const sample = fc.record({ waiting: count, running: count, kv: fc.double({ min: 0, max: 1, noNaN: true }) });
  const step = fc.record({
    gapMs: fc.integer({ min: 0, max: 60_000 }),
    shown: sample,
    expected: sample,
    dispatched: count,
    openRequests: count,
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const record = new TrackRecord();
      let atMs = 0;
      let before = signals(0, 0, 0, 0);
      for (const { gapMs, shown, expected, ...own } of steps) {
        atMs += gapMs;
        const after = signals(shown.waiting, shown.running, shown.kv, atMs);
        const predicted = signals(expected.waiting, expected.running, expected.kv, atMs);
        record.learn({ atMs, before, predicted, after, ...own });
        before = after;
      }
      for (const value of [record.credit, ...Object.values(record.confidences(before, atMs + 700)), 1]) {
        assert.ok(value >= 0 && value <= 1, `${value}`);
      }
      for (const trust of Object.values(record.trust)) assert.ok(trust >= 0.25 && trust <= 1, `${trust}`);
      assert.ok(Number.isFinite(record.absorbedWithin(1000)) && record.absorbedWithin(1000) >= 0);
    }),
  );
});
