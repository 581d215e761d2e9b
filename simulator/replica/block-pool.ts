import { blockKey, type HashChain } from "./hash-chain.ts";
import { HashIndex } from "./hash-index.ts";

/**
 * The KV blocks of one replica. A block is referenced by the requests that hold it; one that nobody references waits in
 * the free list, oldest first, and stays findable by its key until it is allocated again (simulator 1.2, points 5, 6).
 */
export class BlockPool {
  /** Blocks in the pool. */
  readonly size: number;
  #free: number;
  readonly #references: Int32Array;
  /** `blockKey` of what a block caches; 0 for nothing. */
  readonly #keys: Float64Array;
  readonly #index: HashIndex;
  /** Free list in a ring; the place after the last block is its head and tail. */
  readonly #previous: Int32Array;
  readonly #next: Int32Array;

  constructor(size: number) {
    this.size = size;
    this.#free = size;
    this.#references = new Int32Array(size);
    this.#keys = new Float64Array(size);
    this.#index = new HashIndex();
    this.#previous = Int32Array.from({ length: size + 1 }, (_, block) => (block === 0 ? size : block - 1));
    this.#next = Int32Array.from({ length: size + 1 }, (_, block) => (block === size ? 0 : block + 1));
  }

  /** Blocks that nobody references; cached ones count as free. */
  get free(): number {
    return this.#free;
  }

  /** Requests that hold `block`. */
  references(block: number): number {
    return this.#references[block] ?? 0;
  }

  /**
   * Finds the longest cached run of `chain` from its start, at most `limit` blocks, writes the block numbers to `found`
   * and returns their count. Takes no reference.
   */
  findPrefix(chain: HashChain, limit: number, found: Int32Array): number {
    for (let i = 0; i < limit; i++) {
      const block = this.#index.get(blockKey(chain, i));
      if (block < 0) return i;
      found[i] = block;
    }
    return limit;
  }

  /** How many of the first `count` blocks of `blocks` are free. */
  countFree(blocks: Int32Array, count: number): number {
    let free = 0;
    for (let i = 0; i < count; i++) if (this.#references[blocks[i] ?? 0] === 0) free++;
    return free;
  }

  /** Adds a reference to a cached block. */
  share(block: number): void {
    if (this.#references[block] === 0) this.#unlink(block);
    this.#references[block] = (this.#references[block] ?? 0) + 1;
  }

  /** Takes the block that is free for longest, forgetting what it cached. Throws when none is free. */
  allocate(): number {
    const block = this.#next[this.size] ?? this.size;
    if (block === this.size) throw new RangeError(`Cannot allocate a KV block: 0 of ${this.size} free, expected 1`);
    this.#unlink(block);
    const key = this.#keys[block] ?? 0;
    if (key !== 0) {
      this.#index.delete(key);
      this.#keys[block] = 0;
    }
    this.#references[block] = 1;
    return block;
  }

  /** Drops one reference; the last one puts the block at the young end of the free list. */
  release(block: number): void {
    const left = (this.#references[block] ?? 0) - 1;
    if (left < 0) throw new RangeError(`Cannot release KV block "${block}": 0 references, expected at least 1`);
    this.#references[block] = left;
    if (left === 0) this.#append(block);
  }

  /** Makes a full block findable by its `blockKey`. A key that another block already has is left to that one. */
  register(block: number, key: number): void {
    if (this.#index.get(key) >= 0) return;
    this.#index.set(key, block);
    this.#keys[block] = key;
  }

  #unlink(block: number): void {
    const before = this.#previous[block] ?? 0;
    const after = this.#next[block] ?? 0;
    this.#next[before] = after;
    this.#previous[after] = before;
    this.#free--;
  }

  #append(block: number): void {
    const last = this.#previous[this.size] ?? 0;
    this.#next[last] = block;
    this.#previous[block] = last;
    this.#next[block] = this.size;
    this.#previous[this.size] = block;
    this.#free++;
  }
}
