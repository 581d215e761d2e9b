import xxhash from "xxhash-wasm";

const hasher = await xxhash();
const word64 = new BigUint64Array(1);
const words32 = new Uint32Array(word64.buffer);
const mask64 = (1n << 64n) - 1n;

/**
 * Hashes of a prompt's leading blocks, two 32-bit words a block: `words[2 * i]`, `words[2 * i + 1]`. Each covers the blocks
 * before it too, so equal hashes mean equal prefixes.
 */
export interface BlockHashes {
  readonly words: Uint32Array;
  /** Blocks hashed. */
  readonly count: number;
}

/**
 * Start of the chain for prompts of one model and cache salt. The model's length goes first, so that no other pair joins to
 * the same text. `hashKey` is a secret of the process.
 */
export function chainSeed(hashKey: bigint, model: string, cacheSalt: string): bigint {
  return hasher.h64(`${model.length}:${model}${cacheSalt}`, hashKey & mask64);
}

/**
 * Hashes `prompt` in blocks of `blockBytes`, `maxBlocks` at most; a shorter last block counts as one. xxHash64, each block
 * seeded with the hash before it.
 */
export function hashBlocks(prompt: Uint8Array, blockBytes: number, maxBlocks: number, seed: bigint): BlockHashes {
  const count = Math.min(maxBlocks, Math.ceil(prompt.length / blockBytes));
  const words = new Uint32Array(count * 2);
  let chain = seed;
  for (let block = 0; block < count; block++) {
    chain = hasher.h64Raw(prompt.subarray(block * blockBytes, (block + 1) * blockBytes), chain);
    // A typed array splits the 64 bits without arithmetic on big integers.
    word64[0] = chain;
    words[block * 2] = words32[0] as number;
    words[block * 2 + 1] = words32[1] as number;
  }
  return { words, count };
}
