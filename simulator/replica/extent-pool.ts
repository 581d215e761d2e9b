import { ExtentList } from "./extent-list.ts";
import type { HashChain } from "./hash-chain.ts";
import { HashIndex } from "./hash-index.ts";

/** No extent; also the list's end. */
const none = 0;
/** Hash of an extent without cached content. */
const uncached = -1;

/** The blocks that one request holds. */
export interface HeldBlocks {
  readonly chain: HashChain;
  /** Leading blocks that were found in the cache or made findable. */
  registered: number;
  /** Those of them whose content another block had already, as ascending pairs of first and one past the last. */
  readonly duplicates: number[];
}

/**
 * The KV blocks of one replica as a `BlockPool` has them, kept as extents: blocks in a row of what one hash names, which the
 * same requests hold, so that a hash over 32 blocks costs as much as one over a single block. Blocks without findable content
 * are only counted. Extents split where a request takes a part of one, and lose their last blocks first when blocks are reused.
 */
export class ExtentPool {
  /** Blocks in the pool. */
  readonly size: number;
  #free: number;
  /** First extent of each hash that has one, by hash + 1. */
  readonly #index: HashIndex;
  readonly #freeExtents: ExtentList;
  readonly #hash: Float64Array;
  /** Blocks of an extent within what its hash names: first, and one past the last. */
  readonly #start: Int32Array;
  readonly #end: Int32Array;
  readonly #references: Int32Array;
  /** Next extent of the same hash by start; of an unused number: the next unused one. */
  readonly #sibling: Int32Array;
  #unused = none;
  #freeOfFound = 0;

  constructor(size: number) {
    this.size = size;
    this.#free = 0;
    // One extent has one block at least; one number more is taken while an extent splits, and 0 is none.
    const capacity = size + 2;
    this.#index = new HashIndex(capacity);
    this.#freeExtents = new ExtentList(capacity);
    this.#hash = new Float64Array(capacity);
    this.#start = new Int32Array(capacity);
    this.#end = new Int32Array(capacity);
    this.#references = new Int32Array(capacity);
    this.#sibling = new Int32Array(capacity);
    for (let extent = capacity - 1; extent > none; extent--) this.#discard(extent);
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

  /** Blocks of the longest cached run of `chain` from its start, at most `limit`. Takes no reference. */
  findPrefix({ hashes, blocksPerHash }: HashChain, limit: number): number {
    this.#freeOfFound = 0;
    let found = 0;
    for (let i = 0; found < limit; i++) {
      const wanted = Math.min(blocksPerHash, limit - found);
      const covered = this.#covered(this.#firstOf(hashes[i] as number), wanted);
      found += covered;
      if (covered < blocksPerHash) break;
    }
    return found;
  }

  /** Adds a reference to the first `blocks` blocks of `chain`, which are cached. */
  share({ hashes, blocksPerHash }: HashChain, blocks: number): void {
    for (let i = 0, left = blocks; left > 0; i++, left -= blocksPerHash) {
      let extent = this.#firstOf(hashes[i] as number);
      while (extent !== none && (this.#start[extent] as number) < left) {
        if ((this.#end[extent] as number) > left) this.#split(extent, left);
        this.#addReference(extent);
        extent = this.#sibling[extent] as number;
      }
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
      if (this.#hash[extent] !== uncached) this.#forget(extent);
      this.#discard(extent);
    }
  }

  /** Makes blocks from `held.registered` up to `until` findable, where no other block has their content. */
  register(held: HeldBlocks, until: number): void {
    const { hashes, blocksPerHash } = held.chain;
    while (held.registered < until) {
      const i = Math.floor(held.registered / blocksPerHash);
      const base = i * blocksPerHash;
      this.#registerWithin(held, hashes[i] as number, { base, until: Math.min(blocksPerHash, until - base) });
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
  }

  /** Blocks from 0 on, at most `wanted`, that the extents from `first` on cover without a gap. */
  #covered(first: number, wanted: number): number {
    let covered = 0;
    for (let extent = first; extent !== none && covered < wanted; extent = this.#sibling[extent] as number) {
      if (this.#start[extent] !== covered) break;
      const until = Math.min(wanted, this.#end[extent] as number);
      if (this.#references[extent] === 0) this.#freeOfFound += until - covered;
      covered = until;
    }
    return covered;
  }

  #registerWithin(held: HeldBlocks, hash: number, range: { readonly base: number; readonly until: number }): void {
    const { base, until } = range;
    let from = held.registered - base;
    let before = none;
    let after = this.#firstOf(hash);
    for (; after !== none && (this.#end[after] as number) <= from; after = this.#sibling[after] as number)
      before = after;
    // Whether the request itself holds the block before.
    let isOwn = from > 0 && held.duplicates.at(-1) !== held.registered;
    while (from < until) {
      const start = after === none ? until : Math.min(until, this.#start[after] as number);
      if (from < start) {
        before = isOwn && this.#canGrow(before, from) ? before : this.#insertAfter(before, hash, from);
        this.#end[before] = start;
        from = start;
      } else {
        const past = Math.min(until, this.#end[after] as number);
        addRange(held.duplicates, base + from, base + past);
        before = after;
        after = this.#sibling[after] as number;
        from = past;
      }
      isOwn = false;
    }
    held.registered = base + until;
  }

  /** Whether `extent` ends at `at` and has one holder, so that its holder's next blocks may join it. */
  #canGrow(extent: number, at: number): boolean {
    return extent !== none && this.#end[extent] === at && this.#references[extent] === 1;
  }

  /** A new extent with one reference, `from` its start, behind `before` or as the first of `hash`. */
  #insertAfter(before: number, hash: number, from: number): number {
    const extent = this.#take(hash, from, from);
    this.#references[extent] = 1;
    if (before === none) {
      this.#sibling[extent] = this.#firstOf(hash);
      this.#index.set(hash + 1, extent);
    } else {
      this.#sibling[extent] = this.#sibling[before] as number;
      this.#sibling[before] = extent;
    }
    return extent;
  }

  /** Cuts `extent` at `at`: what lies behind becomes an extent of its own, free or referenced alike. */
  #split(extent: number, at: number): void {
    const rest = this.#take(this.#hash[extent] as number, at, this.#end[extent] as number);
    this.#end[extent] = at;
    this.#references[rest] = this.#references[extent] as number;
    this.#sibling[rest] = this.#sibling[extent] as number;
    this.#sibling[extent] = rest;
    if (this.#references[extent] === 0) this.#freeExtents.insertBefore(rest, extent);
  }

  #addReference(extent: number): void {
    if (this.#references[extent] === 0) {
      this.#freeExtents.remove(extent);
      this.#free -= this.#length(extent);
    }
    this.#references[extent] = (this.#references[extent] as number) + 1;
  }

  #releaseCached({ hashes, blocksPerHash }: HashChain, from: number, until: number): void {
    let left = until;
    while (left > from) {
      const i = Math.floor((left - 1) / blocksPerHash);
      const base = i * blocksPerHash;
      const first = Math.max(from, base);
      this.#dropReferences(this.#firstOf(hashes[i] as number), first - base, left - base);
      left = first;
    }
  }

  /** Drops a reference of `extent` and its siblings that lie from `from` to `until`, last first. */
  #dropReferences(extent: number, from: number, until: number): void {
    if (extent === none || (this.#start[extent] as number) >= until) return;
    this.#dropReferences(this.#sibling[extent] as number, from, until);
    if ((this.#start[extent] as number) < from) return;
    const left = (this.#references[extent] as number) - 1;
    if (left < 0) throw new RangeError(`Cannot release KV extent "${extent}": 0 references, expected at least 1`);
    this.#references[extent] = left;
    if (left === 0) this.#appendFree(extent);
  }

  #appendFree(extent: number): void {
    this.#free += this.#length(extent);
    const last = this.#freeExtents.last;
    const isJoined = last !== none && this.#sibling[extent] === last && this.#start[last] === this.#end[extent];
    if (isJoined) {
      this.#end[extent] = this.#end[last] as number;
      this.#sibling[extent] = this.#sibling[last] as number;
      this.#freeExtents.remove(last);
      this.#discard(last);
    }
    this.#freeExtents.push(extent);
  }

  #releaseUncached(blocks: number): void {
    if (blocks === 0) return;
    this.#free += blocks;
    const last = this.#freeExtents.last;
    if (last !== none && this.#hash[last] === uncached) this.#end[last] = (this.#end[last] as number) + blocks;
    else this.#freeExtents.push(this.#take(uncached, 0, blocks));
  }

  /** Takes an emptied extent from those of its hash. */
  #forget(extent: number): void {
    const hash = this.#hash[extent] as number;
    const after = this.#sibling[extent] as number;
    let before = this.#firstOf(hash);
    if (before === extent) {
      if (after === none) this.#index.delete(hash + 1);
      else this.#index.set(hash + 1, after);
      return;
    }
    while (this.#sibling[before] !== extent) before = this.#sibling[before] as number;
    this.#sibling[before] = after;
  }

  #firstOf(hash: number): number {
    return Math.max(none, this.#index.get(hash + 1));
  }

  #length(extent: number): number {
    return (this.#end[extent] as number) - (this.#start[extent] as number);
  }

  /** An unused number for an extent without references and siblings. */
  #take(hash: number, start: number, end: number): number {
    const extent = this.#unused;
    this.#unused = this.#sibling[extent] as number;
    this.#hash[extent] = hash;
    this.#start[extent] = start;
    this.#end[extent] = end;
    this.#references[extent] = 0;
    this.#sibling[extent] = none;
    return extent;
  }

  #discard(extent: number): void {
    this.#sibling[extent] = this.#unused;
    this.#unused = extent;
  }
}

/** Adds a range behind the others, joined with the last one where they meet. */
function addRange(ranges: number[], first: number, past: number): void {
  if (ranges.at(-1) === first) ranges[ranges.length - 1] = past;
  else ranges.push(first, past);
}
