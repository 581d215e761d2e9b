import assert from "node:assert/strict";
import { test } from "node:test";
import { createExactReplica } from "../../../simulator/replica/exact-replica.ts";
import { aChain, aConfig, aRequest } from "./support.ts";
import { Notes } from "./virtual-support.ts";

test("a replica tells first and last tokens at the ends of their steps, and the gaps between", () => {
  const notes = new Notes();
  const replica = createExactReplica(aConfig({ requestOverheadMs: 3 }), notes);
  replica.submit(aRequest(1, { outputTokens: 3 }), 100);
  assert.equal(replica.nextEventMs(), 103);
  replica.advance(122.9);
  assert.deepEqual(notes.events, ["first 1 at 113, 0 cached"]);
  assert.equal(replica.nextEventMs(), 123);
  replica.advance(1000);
  assert.deepEqual(notes.events, ["first 1 at 113, 0 cached", "finished 1 at 133"]);
  assert.deepEqual([notes.gapCount, notes.gapSumMs], [2, 20]);
  assert.equal(replica.nextEventMs(), Infinity);
  assert.equal(replica.busyMs, 30);
});

test("what one reads of a replica is its state at the end of the last step", () => {
  const replica = createExactReplica(aConfig(), new Notes());
  replica.submit(aRequest(1), 0);
  assert.equal(replica.loadAt(9.9).running, 0);
  assert.deepEqual([replica.loadAt(10).running, replica.loadAt(19).kvCacheRatio], [1, 1 / 8]);
  assert.equal(replica.busyMs, 19);
  assert.deepEqual([replica.loadAt(20).running, replica.loadAt(20).finishedRequests], [0, 1]);
});

test("without a step under way a replica shows who waits for an adapter", () => {
  const replica = createExactReplica(aConfig(), new Notes());
  replica.submit(aRequest(1, { adapter: "a" }), 0);
  assert.deepEqual(replica.loadAt(1).waitingAdapters, ["a"]);
  assert.equal(replica.cancel(1, 2), true);
  assert.equal(replica.loadAt(2).waiting, 0);
  assert.equal(replica.nextEventMs(), Infinity);
});

test("a request comes after the steps that end and start at its instant", () => {
  const notes = new Notes();
  const replica = createExactReplica(aConfig(), notes);
  replica.submit(aRequest(1, { outputTokens: 5 }), 0);
  replica.submit(aRequest(2, { outputTokens: 1 }), 20);
  replica.advance(100);
  assert.ok(notes.events.includes("first 2 at 40, 0 cached"), notes.events.join("\n"));
});

test("a hash of several blocks names each of them", () => {
  const notes = new Notes();
  const replica = createExactReplica(aConfig(), notes);
  const hashes = { blockHashes: aChain(1, 2, 1, 0), blockTokens: 8 };
  replica.submit(aRequest(1, { promptTokens: 16, ...hashes }), 0);
  replica.submit(aRequest(2, { promptTokens: 16, ...hashes }), 100);
  replica.submit(aRequest(3, { promptTokens: 11, ...hashes }), 200);
  replica.advance(300);
  const firsts = notes.events.filter((event) => event.startsWith("first"));
  assert.deepEqual(firsts, ["first 1 at 10, 0 cached", "first 2 at 110, 12 cached", "first 3 at 210, 8 cached"]);
  assert.throws(
    () => replica.submit(aRequest(4, { blockHashes: hashes.blockHashes }), 300),
    /Cannot submit request "4": 4 tokens a hash, expected a multiple of 4, the same for all requests/,
  );
});
