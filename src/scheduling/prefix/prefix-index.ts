import type { Endpoint, EndpointId } from "../../datastore/endpoint.ts";
import { LruSet, lruSetBytes, lruSetKeys } from "../../lib/lru-set.ts";
import type { BlockHashes } from "./block-hash.ts";

interface EndpointBlocks {
  readonly incarnation: string;
  readonly blocks: LruSet;
  /** Number of the look-up that gave `matched`; 0 once `blocks` has changed. */
  lookUp: number;
  matched: number;
}

/** Blocks `[from, end)` of some hashes. */
interface Chain {
  readonly words: Uint32Array;
  readonly from: number;
  readonly end: number;
}

const smallestBytes = lruSetBytes(1);

/**
 * Which prompt blocks each endpoint was sent, newest kept. Every chain is touched from its end to its start: a block is always
 * older than the blocks before it, so eviction takes the ends of prefixes first and what an endpoint holds of a chain is
 * contiguous from its start. That is also the order in which vLLM frees blocks.
 *
 * All lists together take no more than a fixed number of bytes. A list doubles as it fills. When the bytes are used up, a list
 * that needs more takes them from the longest one, which keeps its newer half, as long as that stays at least as long as the
 * other becomes; otherwise it forgets its own oldest blocks. So no list starves and no more than a few change at once.
 */
export class PrefixIndex {
  readonly #byEndpoint = new Map<EndpointId, EndpointBlocks>();
  readonly #budgetBytes: number;
  #bytes = 0;
  /** What is being looked up, and its number: the plugins of one decision ask for the same. */
  #asked: BlockHashes | undefined;
  #lookUp = 0;
  /** What the last look-up found: endpoints often hold equally much, the system prompt for one. */
  #guess = 0;

  /** `budgetBytes`: bytes of all lists together, at least 1,536: one list of 64 blocks. */
  constructor(budgetBytes: number) {
    if (!(budgetBytes >= smallestBytes)) {
      throw new RangeError(`Cannot keep prefixes in "${budgetBytes}" bytes: expected at least ${smallestBytes}`);
    }
    this.#budgetBytes = budgetBytes;
  }

  /** Endpoints with blocks, blocks kept over all of them, and the bytes they take. */
  get size(): { endpoints: number; blocks: number; bytes: number } {
    let blocks = 0;
    for (const held of this.#byEndpoint.values()) blocks += held.blocks.size;
    return { endpoints: this.#byEndpoint.size, blocks, bytes: this.#bytes };
  }

  /** Leading blocks that `endpoint` holds of each chain, summed up; an incarnation never seen holds none. */
  matchedBlocks({ id, incarnation }: Endpoint, hashes: BlockHashes): number {
    const held = this.#byEndpoint.get(id);
    if (held === undefined || held.incarnation !== incarnation) return 0;
    if (this.#asked !== hashes) {
      this.#asked = hashes;
      this.#lookUp++;
    }
    if (held.lookUp === this.#lookUp) return held.matched;
    const matched = this.#count(held.blocks, hashes);
    held.lookUp = this.#lookUp;
    held.matched = matched;
    return matched;
  }

  /**
   * Notes that `endpoint` was sent the chains; it keeps `capacity` blocks at most, the first chain before the next and the
   * start of each first.
   */
  add(endpoint: Endpoint, hashes: BlockHashes, capacity: number): void {
    const held = this.#blocksOf(endpoint);
    const { blocks } = held;
    held.lookUp = 0;
    this.#makeRoom(blocks, Math.min(capacity, blocks.size + hashes.count));
    this.#resize(blocks, Math.min(capacity, lruSetKeys(this.#budgetBytes - this.#bytes + blocks.bytes)));
    const before = blocks.bytes;
    for (let block = Math.min(hashes.count, blocks.limit) - 1; block >= 0; block--) {
      blocks.touch(word(hashes.words, block * 2), word(hashes.words, block * 2 + 1));
    }
    this.#bytes += blocks.bytes - before;
  }

  /** Drops everything learned about an endpoint. */
  forget(id: EndpointId): void {
    this.#bytes -= this.#byEndpoint.get(id)?.blocks.bytes ?? 0;
    this.#byEndpoint.delete(id);
  }

  #count(blocks: LruSet, { words, chainEnds }: BlockHashes): number {
    let matched = 0;
    let from = 0;
    for (const end of chainEnds) {
      this.#guess = countLeading(blocks, { words, from, end }, this.#guess);
      matched += this.#guess;
      from = end;
    }
    return matched;
  }

  #blocksOf({ id, incarnation }: Endpoint): EndpointBlocks {
    const held = this.#byEndpoint.get(id);
    if (held?.incarnation === incarnation) return held;
    this.forget(id);
    while (this.#bytes + smallestBytes > this.#budgetBytes) this.#freeSome();
    const added = { incarnation, blocks: new LruSet(1), lookUp: 0, matched: 0 };
    this.#byEndpoint.set(id, added);
    this.#bytes += added.blocks.bytes;
    return added;
  }

  /** Halves the longest list; where all are of the smallest size, the endpoint known for longest is forgotten. */
  #freeSome(): void {
    const longest = this.#longest();
    if (longest !== undefined && longest.blocks.bytes > smallestBytes) this.#halve(longest);
    else for (const id of this.#byEndpoint.keys()) return this.forget(id);
  }

  /** Takes bytes from longer lists until `wanted` keys would fit into `blocks`, as far as it is fair. */
  #makeRoom(blocks: LruSet, wanted: number): void {
    for (let target = blocks.bytes * 2; target <= lruSetBytes(wanted); target *= 2) {
      while (this.#budgetBytes - this.#bytes + blocks.bytes < target) {
        const longest = this.#longest();
        if (longest === undefined || longest.blocks.bytes < target * 2) return;
        this.#halve(longest);
      }
    }
  }

  #longest(): EndpointBlocks | undefined {
    let longest: EndpointBlocks | undefined;
    for (const held of this.#byEndpoint.values()) {
      if (longest === undefined || held.blocks.bytes > longest.blocks.bytes) longest = held;
    }
    return longest;
  }

  #halve(held: EndpointBlocks): void {
    held.lookUp = 0;
    this.#resize(held.blocks, lruSetKeys(held.blocks.bytes / 2));
  }

  #resize(blocks: LruSet, limit: number): void {
    const before = blocks.bytes;
    blocks.setLimit(limit);
    this.#bytes += blocks.bytes - before;
  }
}

/**
 * Leading blocks of a chain that are held. They are contiguous from the start, so the end is found in few look-ups: at `guess`,
 * else by doubling from what is known to be held, then by halving.
 */
function countLeading(blocks: LruSet, chain: Chain, guess: number): number {
  let low = 0; // blocks known to be held
  let high = chain.end - chain.from + 1; // the first `high` blocks are known not to be all held
  if (guess > 0 && guess < high) {
    if (holdsNth(blocks, chain, guess)) low = guess;
    else high = guess;
  }
  for (let step = 1; low + step < high; step *= 2) {
    if (holdsNth(blocks, chain, low + step)) low += step;
    else high = low + step;
  }
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (holdsNth(blocks, chain, middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Whether block `count` of the chain, counted from 1, is held. */
function holdsNth(blocks: LruSet, { words, from }: Chain, count: number): boolean {
  const at = (from + count - 1) * 2;
  return blocks.has(word(words, at), word(words, at + 1));
}

/** Signed, so that it is handed on without an object of its own. */
function word(words: Uint32Array, at: number): number {
  return (words[at] as number) | 0;
}
