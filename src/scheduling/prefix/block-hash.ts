import xxhash from "xxhash-wasm";
import { mix32 } from "../../lib/mix32.ts";
import type { PromptChain } from "../../request/inference-request.ts";

const hasher = await xxhash();
const word64 = new BigUint64Array(1);
const words32 = new Uint32Array(word64.buffer);
const mask64 = (1n << 64n) - 1n;

/**
 * Hashes of a prompt's leading blocks, two 32-bit words a block: `words[2 * i]`, `words[2 * i + 1]`. Each covers the blocks
 * before it in its chain too, so equal hashes mean equal prefixes.
 */
export interface BlockHashes {
  readonly words: Uint32Array;
  /** Blocks hashed, over all chains. */
  readonly count: number;
  /** Index behind the last block of each chain, in order, the last equal to `count`: one chain for each prompt of a list. */
  readonly chainEnds: readonly number[];
}

/**
 * Start of the chain for prompts of one model and cache salt. The model's length goes first, so that no other pair joins to
 * the same text. `hashKey` is a secret of the process.
 */
export function chainSeed(hashKey: bigint, model: string, cacheSalt: string): bigint {
  return hasher.h64(`${model.length}:${model}${cacheSalt}`, hashKey & mask64);
}

/** Equal exactly for the pairs of model and salt that the reference takes for one another, as it joins them (protocol 10.5). */
export function joinedKey(hashKey: bigint, model: string, cacheSalt: string): bigint {
  return hasher.h64(`${model}${cacheSalt}`, hashKey & mask64);
}

/**
 * Hashes `prompt` in blocks of `blockBytes`, `maxBlocks` at most over all its chains; a shorter last block counts as one.
 * xxHash64, each block seeded with the hash before it. `segments`: where each of several prompts ends, in order; each is a
 * chain of its own from `seed` (protocol 10.5). Without any the prompt is one chain. Ends beyond the prompt count as its end.
 */
export function hashBlocks(
  prompt: Uint8Array,
  blockBytes: number,
  maxBlocks: number,
  seed: bigint,
  segments: readonly number[] = [],
): BlockHashes {
  const ends = segments.length > 0 ? segments : [prompt.length];
  const words = new Uint32Array(countBlocks(prompt.length, blockBytes, maxBlocks, ends) * 2);
  const chainEnds: number[] = [];
  let from = 0;
  let count = 0;
  for (const end of ends) {
    const segment = prompt.subarray(from, end);
    count = hashChain(segment, blockBytes, words, count, seed);
    chainEnds.push(count);
    from = end;
  }
  return { words, count, chainEnds };
}

function countBlocks(length: number, blockBytes: number, maxBlocks: number, ends: readonly number[]): number {
  let blocks = 0;
  let from = 0;
  for (const end of ends) {
    blocks += Math.ceil(Math.max(0, Math.min(end, length) - from) / blockBytes);
    from = end;
  }
  return Math.min(maxBlocks, blocks);
}

/** Writes the hashes of one chain to `words` from block `first` on, as far as there is room; returns the next free block. */
function hashChain(prompt: Uint8Array, blockBytes: number, words: Uint32Array, first: number, seed: bigint): number {
  const last = Math.min(words.length / 2, first + Math.ceil(prompt.length / blockBytes));
  let chain = seed;
  for (let block = first, at = 0; block < last; block++, at += blockBytes) {
    chain = hasher.h64Raw(prompt.subarray(at, at + blockBytes), chain);
    // A typed array splits the 64 bits without arithmetic on big integers.
    word64[0] = chain;
    words[block * 2] = words32[0] as number;
    words[block * 2 + 1] = words32[1] as number;
  }
  return last;
}

/**
 * The hashes of a prompt of which only a chain is known, in blocks of `blockTokens`, `maxBlocks` at most: those that the
 * chain's blocks cover to their end, in one chain. A block that ends within a block of the chain is named by that, as if the
 * chain said so: two prompts that differ there share nothing of it. Equal chains from equal seeds give equal hashes, other
 * seeds give others; a hash says nothing about the chain without the seed.
 */
export function hashPromptChain(chain: PromptChain, blockTokens: number, maxBlocks: number, seed: bigint): BlockHashes {
  const covered = (chain.words.length / 2) * chain.blockTokens;
  const count = Math.min(maxBlocks, Math.floor(covered / blockTokens));
  const words = new Uint32Array(count * 2);
  word64[0] = seed;
  const [low, high] = words32 as unknown as readonly [number, number];
  for (let block = 0; block < count; block++) {
    const known = Math.ceil(((block + 1) * blockTokens) / chain.blockTokens) - 1;
    words[block * 2] = mix32(mix32((chain.words[known * 2] as number) ^ low) + block);
    words[block * 2 + 1] = mix32(mix32((chain.words[known * 2 + 1] as number) ^ high) ^ block);
  }
  return { words, count, chainEnds: [count] };
}
