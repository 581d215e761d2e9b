import assert from "node:assert/strict";
import { test } from "node:test";
import { chainSeed, hashBlocks } from "../../src/scheduling/prefix/block-hash.ts";

const blockBytes = 64;
const blocksPerPrompt = 100_000;
const total = 10_000_000;

/** A prompt whose blocks differ from one another and from those of every other prompt, in one word of 32 bits. */
function aPrompt(number: number): Uint8Array {
  const words = new Uint32Array((blocksPerPrompt * blockBytes) / 4);
  for (let block = 0; block < blocksPerPrompt; block++)
    words[(block * blockBytes) / 4] = number * blocksPerPrompt + block;
  return new Uint8Array(words.buffer);
}

/** `count` hashes: of every other prompt each block is a chain of its own, the other prompts are one chain each. */
function hashesOf(hashKey: bigint, count: number): BigUint64Array {
  const seed = chainSeed(hashKey, "base", "");
  const ends = Array.from({ length: blocksPerPrompt }, (_, block) => (block + 1) * blockBytes);
  const hashes = new BigUint64Array(count);
  for (let number = 0; number < count / blocksPerPrompt; number++) {
    const segments = number % 2 === 0 ? ends : [];
    const { words } = hashBlocks(aPrompt(number), blockBytes, blocksPerPrompt, seed, segments);
    hashes.set(new BigUint64Array(words.buffer), number * blocksPerPrompt);
  }
  return hashes.sort();
}

/** Pairs of equal neighbours, which in a sorted list are all equal values. */
function repeatsIn(sorted: BigUint64Array): number {
  let repeats = 0;
  for (let at = 1; at < sorted.length; at++) if (sorted[at] === sorted[at - 1]) repeats++;
  return repeats;
}

test("T11 ten million blocks have as many hashes: of 64 bits, a collision among them has a chance of 3 in a million", () => {
  const hashes = hashesOf(1n, total);
  assert.equal(hashes.length, total);
  assert.equal(repeatsIn(hashes), 0);
  // Were bits constant or unused, the values would not fill the range evenly: neighbours lie 2^64 / 10,000,000 apart.
  const quarter = hashes.findIndex((hash) => hash >= 1n << 62n);
  assert.ok(Math.abs(quarter / total - 0.25) < 0.001, `${quarter} hashes in the first quarter`);
});

test("T11 a collision search that finds nothing would find what is there", () => {
  const hashes = hashesOf(1n, blocksPerPrompt);
  hashes[7] = hashes[90_000] as bigint;
  assert.equal(repeatsIn(hashes.sort()), 1);
});

test("T11 another process, which has another key, shares no hash", () => {
  const both = new BigUint64Array(4 * blocksPerPrompt);
  both.set(hashesOf(1n, 2 * blocksPerPrompt), 0);
  both.set(hashesOf(2n, 2 * blocksPerPrompt), 2 * blocksPerPrompt);
  assert.equal(repeatsIn(both.sort()), 0);
});
