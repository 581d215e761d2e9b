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
  const i = Math.floor(block / blocksPerHash);
  return (hashes[i] as number) * blocksPerHash + (block - i * blocksPerHash) + 1;
}

/** Whether two chains of equal `blocksPerHash` name the same content up to block `block`, which both have. */
export function isSameAt(a: HashChain, b: HashChain, block: number): boolean {
  const i = Math.floor(block / a.blocksPerHash);
  return a.hashes[i] === b.hashes[i];
}

/**
 * One past the last of the blocks from `from` up to `until` (excluded) that two chains have in common. They agree at `from`.
 * A hash stands for everything before it, so that halving finds the place.
 */
export function commonUntil(a: HashChain, b: HashChain, from: number, until: number): number {
  if (until <= from || isSameAt(a, b, until - 1)) return until;
  let same = from;
  let different = until - 1;
  while (different - same > 1) {
    const middle = (same + different) >> 1;
    if (isSameAt(a, b, middle)) same = middle;
    else different = middle;
  }
  return different;
}
