import type { Endpoint, EndpointId } from "../../datastore/endpoint.ts";
import { LruSet } from "../../lib/lru-set.ts";
import type { BlockHashes } from "./block-hash.ts";

interface EndpointBlocks {
  readonly incarnation: string;
  readonly blocks: LruSet;
}

/**
 * Which prompt blocks each endpoint was sent, newest kept. Every chain is touched from its end to its start: a block is always
 * older than the blocks before it, so eviction takes the ends of prefixes first and what an endpoint holds of a chain is
 * contiguous from its start. That is also the order in which vLLM frees blocks.
 */
export class PrefixIndex {
  readonly #byEndpoint = new Map<EndpointId, EndpointBlocks>();
  readonly #maxBlocks: number;

  /** `maxBlocks`: blocks kept over all endpoints, each of which gets an equal share at most. */
  constructor(maxBlocks: number) {
    this.#maxBlocks = maxBlocks;
  }

  /** Endpoints with blocks, blocks kept over all of them, and the bytes they take. */
  get size(): { endpoints: number; blocks: number; bytes: number } {
    let blocks = 0;
    let bytes = 0;
    for (const held of this.#byEndpoint.values()) {
      blocks += held.blocks.size;
      bytes += held.blocks.bytes;
    }
    return { endpoints: this.#byEndpoint.size, blocks, bytes };
  }

  /** Leading blocks that `endpoint` holds of each chain, summed up; an incarnation never seen holds none. */
  matchedBlocks(endpoint: Endpoint, hashes: BlockHashes): number {
    const held = this.#byEndpoint.get(endpoint.id);
    if (held === undefined || held.incarnation !== endpoint.incarnation) return 0;
    let matched = 0;
    let from = 0;
    for (const end of hashes.chainEnds) {
      matched += countLeading(held.blocks, hashes.words, from, end);
      from = end;
    }
    return matched;
  }

  /**
   * Notes that `endpoint` was sent the chains; it keeps `capacity` blocks at most, the first chain before the next and the
   * start of each first.
   */
  add(endpoint: Endpoint, hashes: BlockHashes, capacity: number): void {
    const blocks = this.#blocksOf(endpoint);
    blocks.setLimit(Math.min(capacity, this.#share()));
    for (let block = Math.min(hashes.count, blocks.limit) - 1; block >= 0; block--) {
      blocks.touch(hashes.words[block * 2] as number, hashes.words[block * 2 + 1] as number);
    }
  }

  /** Drops everything learned about an endpoint. */
  forget(id: EndpointId): void {
    this.#byEndpoint.delete(id);
  }

  #share(): number {
    return Math.max(1, Math.floor(this.#maxBlocks / this.#byEndpoint.size));
  }

  #blocksOf(endpoint: Endpoint): LruSet {
    const held = this.#byEndpoint.get(endpoint.id);
    if (held !== undefined && held.incarnation === endpoint.incarnation) return held.blocks;
    const blocks = new LruSet(1);
    this.#byEndpoint.set(endpoint.id, { incarnation: endpoint.incarnation, blocks });
    const share = this.#share();
    for (const other of this.#byEndpoint.values()) {
      if (other.blocks.limit > share) other.blocks.setLimit(share);
    }
    return blocks;
  }
}

/** Blocks held are contiguous from the start, so the end is found by doubling, then halving: few look-ups an endpoint. */
function countLeading(blocks: LruSet, words: Uint32Array, from: number, end: number): number {
  const holds = (block: number): boolean =>
    blocks.has(words[(from + block) * 2] as number, words[(from + block) * 2 + 1] as number);
  const count = end - from;
  let low = 0; // blocks known to be held
  let high = 1;
  while (high <= count && holds(high - 1)) {
    low = high;
    high *= 2;
  }
  high = Math.min(high, count + 1); // the first `high` blocks are known not to be all held
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (holds(middle - 1)) low = middle;
    else high = middle;
  }
  return low;
}
