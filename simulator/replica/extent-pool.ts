import { ExtentList } from "./extent-list.ts";
import { blockKey, commonUntil, type HashChain, isSameAt } from "./hash-chain.ts";
import { HashIndex } from "./hash-index.ts";

/** No extent; also the list's end. */
const none = 0;

/** The chain of extents without cached content. */
const uncached: HashChain = { hashes: new Float64Array(0), blocksPerHash: 1 };

/** The blocks that one request holds. */
export interface HeldBlocks {
  readonly chain: HashChain;
  /** Leading blocks that were found in the cache or made findable. */
  registered: number;
  /** Those of them whose content another block had already, as ascending pairs of first and one past the last. */
  readonly duplicates: number[];
  /** Extent of the last blocks that the request made findable; 0 for none. */
  lastExtent: number;
}

/**
 * The KV blocks of one replica as a `BlockPool` has them, kept as extents: blocks in a row of one chain of hashes that the same
 * requests hold, so that the cost of a request does not grow with its blocks. Blocks without findable content are only counted.
 * Extents split where a request takes a part of one, and lose their last blocks first when blocks are reused.
 *
 * An extent is found by the key of its first block. That is enough to follow a chain: a block in the middle of an extent comes
 * after one of the same extent, and where two chains part, another extent may start. Only a request with a duplicate of what others hold may come to the middle of an extent, or be
 * followed by one once the others have given theirs back; the extents behind duplicates are indexed again to be found then.
 */
export class ExtentPool {
  /** Blocks in the pool. */
  readonly size: number;
  #free = 0;
  /** Extents by the key of their first block. */
  readonly #index = new HashIndex();
  /** Those of them that were made behind a duplicate. */
  readonly #behindDuplicates = new HashIndex();
  readonly #freeExtents: ExtentList;
  /** A chain that an extent's blocks are part of. */
  readonly #chain: HashChain[] = [uncached];
  /** Blocks of an extent by their place in its chain: first, and one past the last. */
  readonly #start: Int32Array;
  readonly #end: Int32Array;
  readonly #references: Int32Array;
  /** Numbers that were used and are not now: the last one, and for each the one before it. */
  #unused = none;
  readonly #nextUnused: Int32Array;
  #freeOfFound = 0;
  #mayLoseMiddle = false;
  readonly #path: number[] = [];

  constructor(size: number) {
    this.size = size;
    // One extent has one block at least; 0 is none.
    const capacity = size + 1;
    this.#freeExtents = new ExtentList(capacity);
    this.#start = new Int32Array(capacity);
    this.#end = new Int32Array(capacity);
    this.#references = new Int32Array(capacity);
    this.#nextUnused = new Int32Array(capacity);
    this.#releaseUncached(size);
  }

  /** Blocks that nobody references; cached ones count as free. */
  get free(): number {
    return this.#free;
  }

  /** Of the blocks that the last `findPrefix` found: those that are free. */
  get freeOfFound(): number {
    return this.#freeOfFound;
  }

  /**
   * Whether the run that the last `findPrefix` found may lose a block while it keeps the one behind. Else it gets shorter from
   * its end.
   */
  get mayLoseMiddle(): boolean {
    return this.#mayLoseMiddle;
  }

  /** Blocks of the longest cached run of `chain` from its start, at most `limit`. Takes no reference. */
  findPrefix(chain: HashChain, limit: number): number {
    this.#freeOfFound = 0;
    this.#mayLoseMiddle = false;
    let found = 0;
    let wasFree = false;
    while (found < limit) {
      const extent = this.#firstAt(chain, found);
      if (extent === none) break;
      if (wasFree && this.#behindDuplicates.get(blockKey(chain, found)) >= 0) this.#mayLoseMiddle = true;
      wasFree = this.#references[extent] === 0;
      const until = this.#commonUntil(extent, chain, limit);
      if (wasFree) this.#freeOfFound += until - found;
      found = until;
    }
    return found;
  }

  /** Adds a reference to the first `blocks` blocks of `chain`, which are cached. */
  share(chain: HashChain, blocks: number): void {
    for (let shared = 0; shared < blocks; ) {
      const extent = this.#firstAt(chain, shared);
      if (extent === none) throw new RangeError(`Cannot share ${blocks} KV blocks: ${shared} are cached`);
      shared = this.#commonUntil(extent, chain, blocks);
      if (shared < (this.#end[extent] as number)) this.#split(extent, shared);
      this.#addReference(extent);
    }
  }

  /** Takes the `blocks` blocks that are free for longest, forgetting what they cached. Throws when fewer are free. */
  allocate(blocks: number): void {
    if (blocks > this.#free) {
      throw new RangeError(`Cannot allocate ${blocks} KV blocks: ${this.#free} of ${this.size} free`);
    }
    this.#free -= blocks;
    for (let left = blocks; left > 0; ) {
      const extent = this.#freeExtents.first;
      const taken = Math.min(left, this.#length(extent));
      left -= taken;
      this.#end[extent] = (this.#end[extent] as number) - taken;
      if (this.#length(extent) > 0) return;
      this.#freeExtents.remove(extent);
      this.#forget(extent);
      this.#discard(extent);
    }
  }

  /** Makes blocks from `held.registered` up to `until` findable, where no other block has their content. */
  register(held: HeldBlocks, until: number): void {
    const { chain, duplicates } = held;
    while (held.registered < until) {
      const from = held.registered;
      let extent = this.#firstAt(chain, from);
      if (extent === none && isBehindDuplicate(held)) extent = this.#coveringOf(chain, from);
      if (extent === none) {
        this.#add(held, this.#gapUntil(chain, from, until));
        continue;
      }
      held.registered = this.#commonUntil(extent, chain, until);
      addRange(duplicates, from, held.registered);
    }
  }

  /** Drops the references of a request to its `blocks` blocks, last first, and clears what it had registered. */
  release(held: HeldBlocks, blocks: number): void {
    const { duplicates } = held;
    this.#releaseUncached(blocks - held.registered);
    let until = held.registered;
    for (let pair = duplicates.length - 2; pair >= 0; pair -= 2) {
      const first = duplicates[pair] as number;
      const past = duplicates[pair + 1] as number;
      this.#releaseCached(held.chain, past, until);
      this.#releaseUncached(past - first);
      until = first;
    }
    this.#releaseCached(held.chain, 0, until);
    duplicates.length = 0;
    held.registered = 0;
    held.lastExtent = none;
  }

  /** The extent whose first block is block `block` of `chain`. */
  #firstAt(chain: HashChain, block: number): number {
    return Math.max(none, this.#index.get(blockKey(chain, block)));
  }

  /** The extent that has block `block` of `chain`, but not as its first one. */
  #coveringOf(chain: HashChain, block: number): number {
    for (let start = block - 1; start >= 0; start--) {
      const extent = this.#firstAt(chain, start);
      if (extent !== none) return this.#commonUntil(extent, chain, block + 1) > block ? extent : none;
    }
    return none;
  }

  /** One past the last block of `extent` that belongs to `chain` too, at most `limit`. */
  #commonUntil(extent: number, chain: HashChain, limit: number): number {
    const until = Math.min(limit, this.#end[extent] as number);
    return commonUntil(chain, this.#chainOf(extent), this.#start[extent] as number, until);
  }

  /** Blocks of `chain` behind `from` that no extent has, up to the one returned, at most `until`. */
  #gapUntil(chain: HashChain, from: number, until: number): number {
    if (this.#behindDuplicates.count === 0) return until;
    for (let block = from + 1; block < until; block++) {
      if (this.#behindDuplicates.get(blockKey(chain, block)) >= 0) return block;
    }
    return until;
  }

  /** Makes the blocks of `held` from `registered` up to `until`, whose content no other block has, findable. */
  #add(held: HeldBlocks, until: number): void {
    const { chain, registered } = held;
    const isBehind = isBehindDuplicate(held);
    held.registered = until;
    const last = held.lastExtent;
    // Its own last extent goes on while nobody else holds it.
    if (last !== none && this.#end[last] === registered && this.#references[last] === 1) {
      this.#end[last] = until;
      return;
    }
    const extent = this.#take(chain, registered, until);
    this.#references[extent] = 1;
    this.#index.set(blockKey(chain, registered), extent);
    if (isBehind) this.#behindDuplicates.set(blockKey(chain, registered), extent);
    held.lastExtent = extent;
  }

  /** Cuts `extent` at `at`: what lies behind becomes an extent of its own, free or referenced alike. */
  #split(extent: number, at: number): void {
    const chain = this.#chainOf(extent);
    const rest = this.#take(chain, at, this.#end[extent] as number);
    this.#end[extent] = at;
    this.#references[rest] = this.#references[extent] as number;
    this.#index.set(blockKey(chain, at), rest);
    if (this.#references[extent] === 0) this.#freeExtents.insertBefore(rest, extent);
  }

  #addReference(extent: number): void {
    if (this.#references[extent] === 0) {
      this.#freeExtents.remove(extent);
      this.#free -= this.#length(extent);
    }
    this.#references[extent] = (this.#references[extent] as number) + 1;
  }

  /** Drops a reference of the blocks of `chain` from `from` to `until`, which are whole extents, last first. */
  #releaseCached(chain: HashChain, from: number, until: number): void {
    const path = this.#path;
    for (let block = from; block < until; ) {
      const extent = this.#firstAt(chain, block);
      if (extent === none) throw new RangeError(`Cannot release KV block "${block}": not cached, expected it held`);
      path.push(extent);
      block = this.#end[extent] as number;
    }
    for (let extent = path.pop(); extent !== undefined; extent = path.pop()) {
      const left = (this.#references[extent] as number) - 1;
      if (left < 0) throw new RangeError(`Cannot release KV extent "${extent}": 0 references, expected at least 1`);
      this.#references[extent] = left;
      if (left === 0) this.#appendFree(extent);
    }
  }

  /** Puts an extent to the youngest free ones, joined with the one before when that continues it. */
  #appendFree(extent: number): void {
    this.#free += this.#length(extent);
    const last = this.#freeExtents.last;
    if (last !== none && this.#continues(last, extent)) {
      this.#forget(last);
      this.#freeExtents.remove(last);
      this.#chain[extent] = this.#chainOf(last);
      this.#end[extent] = this.#end[last] as number;
      this.#discard(last);
    }
    this.#freeExtents.push(extent);
  }

  #continues(extent: number, before: number): boolean {
    const chain = this.#chainOf(extent);
    const at = this.#start[extent] as number;
    return chain !== uncached && at === this.#end[before] && isSameAt(chain, this.#chainOf(before), at - 1);
  }

  #releaseUncached(blocks: number): void {
    if (blocks === 0) return;
    this.#free += blocks;
    const last = this.#freeExtents.last;
    if (last !== none && this.#chain[last] === uncached) this.#end[last] = (this.#end[last] as number) + blocks;
    else this.#freeExtents.push(this.#take(uncached, 0, blocks));
  }

  /** Takes an extent from the indexes. */
  #forget(extent: number): void {
    const chain = this.#chainOf(extent);
    if (chain === uncached) return;
    const key = blockKey(chain, this.#start[extent] as number);
    this.#index.delete(key);
    if (this.#behindDuplicates.count > 0) this.#behindDuplicates.delete(key);
  }

  #chainOf(extent: number): HashChain {
    return this.#chain[extent] as HashChain;
  }

  #length(extent: number): number {
    return (this.#end[extent] as number) - (this.#start[extent] as number);
  }

  /** An unused number for an extent without references. */
  #take(chain: HashChain, start: number, end: number): number {
    const extent = this.#unused === none ? this.#chain.length : this.#unused;
    this.#unused = this.#nextUnused[extent] as number;
    this.#chain[extent] = chain;
    this.#start[extent] = start;
    this.#end[extent] = end;
    this.#references[extent] = 0;
    return extent;
  }

  #discard(extent: number): void {
    this.#chain[extent] = uncached;
    this.#nextUnused[extent] = this.#unused;
    this.#unused = extent;
  }
}

/** Whether the last block that a request registered is a duplicate. */
function isBehindDuplicate({ registered, duplicates }: HeldBlocks): boolean {
  return registered > 0 && duplicates.at(-1) === registered;
}

/** Adds a range behind the others, joined with the last one where they meet. */
function addRange(ranges: number[], first: number, past: number): void {
  if (ranges.at(-1) === first) ranges[ranges.length - 1] = past;
  else ranges.push(first, past);
}
