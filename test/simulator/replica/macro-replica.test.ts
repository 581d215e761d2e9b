import assert from "node:assert/strict";
import { test } from "node:test";
import { createExactReplica } from "../../../simulator/replica/exact-replica.ts";
import { createMacroReplica } from "../../../simulator/replica/macro-replica.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { aChain, aConfig, aRequest } from "./support.ts";
import { Notes } from "./virtual-support.ts";

const h100 = presetConfig("llama-3-8b-h100");

test("a request alone is one prefill and one jump", () => {
  const notes = new Notes();
  const replica = createMacroReplica(h100, notes);
  replica.submit(aRequest(1, { promptTokens: 512, outputTokens: 512 }), 0);
  const times = [];
  for (; replica.nextEventMs() !== Infinity; replica.advance(replica.nextEventMs())) times.push(replica.nextEventMs());
  // Ready, end of the prefill, end of the last token.
  assert.equal(times.length, 3);
  assert.equal(notes.gapCount, 511);
});

test("the state at any instant of a jump is that of the steps taken singly", () => {
  const [stepped, jumped] = [createExactReplica(h100, new Notes()), createMacroReplica(h100, new Notes())];
  for (const replica of [stepped, jumped]) {
    for (let id = 0; id < 5; id++) {
      replica.submit(aRequest(id, { promptTokens: 100 * (id + 1), outputTokens: 300 + id }), 0);
    }
  }
  for (let atMs = 0; atMs < 2500; atMs += 3.7) assert.deepEqual(jumped.loadAt(atMs), stepped.loadAt(atMs));
});

test("an arrival ends a jump with the step in progress", () => {
  const notes = new Notes();
  const replica = createMacroReplica(aConfig(), notes);
  replica.submit(aRequest(1, { outputTokens: 20 }), 0);
  replica.advance(15);
  assert.equal(replica.nextEventMs(), 200);
  replica.submit(aRequest(2, { outputTokens: 1 }), 33);
  assert.equal(replica.nextEventMs(), 40);
  replica.advance(300);
  assert.deepEqual(notes.events.slice(1), ["first 2 at 50, 0 cached", "finished 2 at 50", "finished 1 at 200"]);
});

test("gaps that grow are told in pieces of about one length", () => {
  const gaps: number[] = [];
  const notes = new Notes();
  const listener = {
    firstToken: () => {},
    finished: () => {},
    gaps: (gapMs: number, count: number) => {
      gaps.push(gapMs);
      notes.gaps(gapMs, count);
    },
  };
  const coefficients = { ...h100.coefficients, perContextTokenUs: 2 };
  const replica = createMacroReplica({ ...h100, coefficients }, listener);
  replica.submit(aRequest(1, { promptTokens: 100, outputTokens: 1000 }), 0);
  replica.advance(1e6);
  assert.equal(notes.gapCount, 999);
  assert.ok(gaps.length > 20 && gaps.length < 100, `${gaps.length} pieces`);
  for (const [i, gapMs] of gaps.entries()) if (i > 0) assert.ok(gapMs > gaps[i - 1]! && gapMs < gaps[i - 1]! * 1.005);
});

test("a request that finds less of its prefix in the cache may fit earlier", () => {
  const log = [createExactReplica, createMacroReplica].map((create) => {
    const notes = new Notes();
    const replica = create(aConfig({ kvTokens: 64, maxModelTokens: 64, maxBatchedTokens: 10 }), notes);
    replica.submit(aRequest(0, { promptTokens: 29, outputTokens: 9 }), 0);
    // Request 2 holds a duplicate of the first block, which then is free for longer than what follows it.
    replica.submit(aRequest(1, { promptTokens: 4, outputTokens: 1, blockHashes: aChain(1, 1, 1, 0) }), 0);
    replica.submit(aRequest(2, { promptTokens: 31, outputTokens: 1, blockHashes: aChain(1, 1, 2, 4) }), 0);
    replica.advance(1000);
    return notes.events;
  });
  assert.deepEqual(log[1], log[0]);
  assert.ok(log[1]?.includes("first 2 at 140, 0 cached"), log[1]?.join("\n"));
});
