/** Ids of content: `hashes[i]` names tokens 0 to (i + 1)·blockTokens. */
export type BlockHashes = Float64Array | Uint32Array;

/** The hashes of one request, each naming `blocksPerHash` blocks of the engine in a row. */
export interface HashChain {
  readonly hashes: BlockHashes;
  readonly blocksPerHash: number;
}

/** Blocks of the engine that the chain names. */
export function chainBlocks({ hashes, blocksPerHash }: HashChain): number {
  return hashes.length * blocksPerHash;
}

/** A number from 1 for the content of block `block` of a chain; different for every block of every hash. */
export function blockKey({ hashes, blocksPerHash }: HashChain, block: number): number {
  const hash = hashes[Math.floor(block / blocksPerHash)] ?? 0;
  return hash * blocksPerHash + (block % blocksPerHash) + 1;
}
