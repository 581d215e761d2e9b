import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { lruSetBytes } from "../../src/lib/lru-set.ts";
import { type BlockHashes, chainSeed, hashBlocks } from "../../src/scheduling/prefix/block-hash.ts";
import { PrefixIndex } from "../../src/scheduling/prefix/prefix-index.ts";
import { prefixIndexBytes } from "../../src/scheduling/producers/approx-prefix-cache.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

/** A prompt of `blocks` blocks that has none in common with those of other models. */
function chain(blocks: number, model: string): BlockHashes {
  return hashBlocks(new Uint8Array(blocks), 1, blocks, chainSeed(1n, model, ""));
}

/** Blocks that each endpoint holds of its own chains. */
function heldBy(index: PrefixIndex, endpoint: Endpoint, chains: readonly BlockHashes[]): number {
  return chains.reduce((sum, hashes) => sum + index.matchedBlocks(endpoint, hashes), 0);
}

test("PrefixIndex stays within its bytes while endpoints join, grow and are replaced", () => {
  const step = fc.record({
    at: fc.nat(40),
    incarnation: fc.constantFrom("a", "a", "a", "b"),
    blocks: fc.integer({ min: 1, max: 500 }),
    model: fc.nat(),
    capacity: fc.constantFrom(1, 50, 300, 100_000),
    leaves: fc.nat(20).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1536, max: 60_000 }), fc.array(step, { maxLength: 60 }), (budget, steps) => {
      const index = new PrefixIndex(budget);
      for (const { at, incarnation, blocks, model, capacity, leaves } of steps) {
        const endpoint = anEndpoint(`server-${at}`, { incarnation });
        if (leaves) {
          index.forget(endpoint.id);
          continue;
        }
        const hashes = chain(blocks, String(model));
        index.add(endpoint, hashes, capacity);
        const { bytes, blocks: held } = index.size;
        assert.ok(bytes <= budget, `${bytes} of ${budget} bytes`);
        assert.ok(held * 24 <= bytes);
        const matched = index.matchedBlocks(endpoint, hashes);
        assert.ok(
          matched >= Math.min(blocks, capacity, 64),
          "the last prompt is held as far as the smallest list goes",
        );
      }
      for (let at = 0; at <= 40; at++) index.forget(`default/server-${at}`);
      assert.deepEqual(index.size, { endpoints: 0, blocks: 0, bytes: 0 });
    }),
    { numRuns: 150 },
  );
});

test("PrefixIndex of a plugin holds 31,250 blocks at each of 170 endpoints", () => {
  assert.ok(170 * lruSetBytes(31_250) <= prefixIndexBytes);
  assert.ok(171 * lruSetBytes(31_250) > prefixIndexBytes);
});

test("PrefixIndex gives a newcomer its part when others have used up the bytes", () => {
  const budget = 16 * lruSetBytes(1024);
  const index = new PrefixIndex(budget);
  const old = Array.from({ length: 4 }, (_, i) => anEndpoint(`old-${i}`));
  const oldChains = old.map((_, i) => [chain(2048, `${i}a`), chain(2048, `${i}b`)]);
  for (const [i, endpoint] of old.entries()) for (const hashes of oldChains[i]!) index.add(endpoint, hashes, 4096);
  assert.deepEqual(
    old.map((endpoint, i) => heldBy(index, endpoint, oldChains[i]!)),
    [4096, 4096, 4096, 4096],
  );
  assert.equal(index.size.bytes, budget);
  const newcomer = anEndpoint("newcomer");
  const fresh = chain(2048, "fresh");
  index.add(newcomer, fresh, 4096);
  assert.equal(index.matchedBlocks(newcomer, fresh), 2048);
  assert.ok(index.size.bytes <= budget);
  const kept = old.map((endpoint, i) => heldBy(index, endpoint, oldChains[i]!));
  assert.deepEqual(
    kept.toSorted((a, b) => a - b),
    [2048, 4096, 4096, 4096],
    "one list gave its older half",
  );
  const shrunk = kept.indexOf(2048);
  assert.equal(index.matchedBlocks(old[shrunk]!, oldChains[shrunk]![1]!), 2048);
});

test("PrefixIndex ends with lists of equal demand within a factor of two, however many joined first", () => {
  const budget = 100 * lruSetBytes(64);
  const index = new PrefixIndex(budget);
  const rounds = Array.from({ length: 20 }, (_, round) => round);
  const send = (server: number, round: number): void =>
    index.add(anEndpoint(`server-${server}`), chain(100, `${server}/${round}`), 10_000);
  for (let joined = 1; joined <= 60; joined++) for (const round of rounds.slice(0, joined % 5)) send(joined, round);
  for (const round of rounds) for (let server = 0; server < 25; server++) send(server, round);
  assert.ok(index.size.bytes <= budget);
  const held = Array.from({ length: 25 }, (_, server) => {
    const chains = rounds.map((round) => chain(100, `${server}/${round}`));
    return heldBy(index, anEndpoint(`server-${server}`), chains);
  });
  const [least, most] = [Math.min(...held), Math.max(...held)];
  assert.ok(least >= 64 && most <= least * 2, `${least} to ${most}`);
});

test("PrefixIndex forgets the endpoint known for longest when even the smallest lists do not fit", () => {
  const index = new PrefixIndex(3 * lruSetBytes(1));
  const chains = Array.from({ length: 4 }, (_, i) => chain(10, String(i)));
  for (const [i, hashes] of chains.entries()) index.add(anEndpoint(`server-${i}`), hashes, 100);
  assert.deepEqual(
    chains.map((hashes, i) => index.matchedBlocks(anEndpoint(`server-${i}`), hashes)),
    [0, 10, 10, 10],
  );
  assert.equal(index.size.bytes, 3 * lruSetBytes(1));
});

test("PrefixIndex answers as of now: after another prompt, an addition, a replacement", () => {
  const index = new PrefixIndex(1_000_000);
  const endpoint = anEndpoint("server-0");
  const [one, two] = [chain(10, "one"), chain(10, "two")];
  assert.equal(index.matchedBlocks(endpoint, one), 0);
  index.add(endpoint, one, 100);
  assert.equal(index.matchedBlocks(endpoint, one), 10);
  assert.equal(index.matchedBlocks(endpoint, two), 0);
  assert.equal(index.matchedBlocks(endpoint, one), 10);
  index.add(endpoint, two, 5);
  assert.equal(index.matchedBlocks(endpoint, one), 0);
  assert.equal(index.matchedBlocks(endpoint, two), 5);
  assert.equal(index.matchedBlocks(anEndpoint("server-0", { incarnation: "another" }), two), 0);
});

test("PrefixIndex refuses a budget that holds no list", () => {
  assert.throws(() => new PrefixIndex(1535), /Cannot keep prefixes in "1535" bytes: expected at least 1536/);
});
