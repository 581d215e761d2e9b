/** Most keys that a set can be told to keep. */
export const maxLruSetKeys = 2 ** 20;
const noSlot = -1;
/** Bits of a cell that are a slot + 1. */
const slotBits = 2 * maxLruSetKeys - 1;
const firstSlots = 64;
const bytesPerSlot = 24;

/** Bytes that a set of `keys` keys takes at most: 24 for each, rounded up to a power of two of at least 64 keys. */
export function lruSetBytes(keys: number): number {
  return slotsFor(keys) * bytesPerSlot;
}

/** Most keys of a set that takes `bytes` at most: a power of two, at least 64 whatever `bytes` is. */
export function lruSetKeys(bytes: number): number {
  return Math.max(firstSlots, 2 ** Math.floor(Math.log2(bytes / bytesPerSlot)));
}

/**
 * A bounded set of 64-bit keys that forgets the key untouched for longest. A key is two 32-bit words, signed or not, and must
 * already be uniformly spread (a hash): the low word is used as it is. Takes 24 bytes a key, in typed arrays that double
 * as the set fills, so an unused limit costs nothing.
 */
export class LruSet {
  #limit: number;
  #size = 0;
  #newest = noSlot;
  #oldest = noSlot;
  /**
   * Two words a slot, low then high, next to each other: a look-up that misses the processor's caches does so once. Signed: the
   * engine puts unsigned words from 2^31 on into objects of their own.
   */
  #words = new Int32Array(0);
  /** Neighbours in order of touch: `#newer[slot]`, `#older[slot]`. */
  #newer = new Int32Array(0);
  #older = new Int32Array(0);
  /**
   * Open addressing with linear probing: slot + 1, 0 for empty, and above it bits of the key's high word, so that a search passes
   * nearly every other key without looking at its words. Twice as many cells as slots.
   */
  #cells = new Int32Array(0);
  #mask = 0;

  /** `limit`: keys kept, a whole number from 1 to `maxLruSetKeys`; RangeError for more. */
  constructor(limit: number) {
    this.#limit = checkedLimit(limit);
    this.#rebuild(firstSlots);
  }

  /** Keys in the set. */
  get size(): number {
    return this.#size;
  }

  /** Keys kept at most. */
  get limit(): number {
    return this.#limit;
  }

  /** Bytes of the arrays, at most `lruSetBytes(limit)`. */
  get bytes(): number {
    return this.#slots * bytesPerSlot;
  }

  /** Changes the limit; the oldest keys beyond it are forgotten and memory that is no longer needed is released. */
  setLimit(limit: number): void {
    if (limit === this.#limit) return;
    this.#limit = checkedLimit(limit);
    const kept = Math.min(this.#size, limit);
    const slots = this.#slots;
    const isRoomy = kept * 4 <= slots && slots > firstSlots;
    if (kept < this.#size || slots > slotsFor(limit) || isRoomy) this.#rebuild(Math.min(limit, kept * 2));
  }

  /** Whether the key is in the set; does not touch it. */
  has(low: number, high: number): boolean {
    return this.#find(low, high) !== noSlot;
  }

  /** Adds the key or makes it the newest. Returns true when it was added. */
  touch(low: number, high: number): boolean {
    const found = this.#find(low, high);
    if (found !== noSlot) {
      this.#unlink(found);
      this.#linkNewest(found);
      return false;
    }
    if (this.#size >= this.#limit) {
      this.#replaceOldest(low, high);
      return true;
    }
    if (this.#size === this.#slots) this.#rebuild(this.#size * 2);
    this.#place(this.#size++, low, high);
    return true;
  }

  /** Keys from newest to oldest, as [low, high], unsigned. */
  *keys(): Generator<readonly [low: number, high: number]> {
    for (let slot = this.#newest; slot !== noSlot; slot = at(this.#older, slot)) {
      yield [at(this.#words, slot * 2) >>> 0, at(this.#words, slot * 2 + 1) >>> 0];
    }
  }

  get #slots(): number {
    return this.#older.length;
  }

  #find(low: number, high: number): number {
    for (let cell = low & this.#mask; ; cell = (cell + 1) & this.#mask) {
      const found = at(this.#cells, cell);
      if (found === 0) return noSlot;
      if (((found ^ high) & ~slotBits) !== 0) continue;
      const slot = (found & slotBits) - 1;
      if (at(this.#words, slot * 2) === (low | 0) && at(this.#words, slot * 2 + 1) === (high | 0)) return slot;
    }
  }

  /** Puts a new key into a slot. Slots are dense: it is the one behind the last, or one that has just become free. */
  #place(slot: number, low: number, high: number): void {
    this.#words[slot * 2] = low;
    this.#words[slot * 2 + 1] = high;
    this.#linkNewest(slot);
    this.#occupy(slot);
  }

  #occupy(slot: number): void {
    let cell = at(this.#words, slot * 2) & this.#mask;
    while (at(this.#cells, cell) !== 0) cell = (cell + 1) & this.#mask;
    this.#cells[cell] = (slot + 1) | (at(this.#words, slot * 2 + 1) & ~slotBits);
  }

  #replaceOldest(low: number, high: number): void {
    const slot = this.#oldest;
    this.#unlink(slot);
    this.#vacate(this.#cellOf(slot));
    this.#place(slot, low, high);
  }

  #cellOf(slot: number): number {
    let cell = at(this.#words, slot * 2) & this.#mask;
    while ((at(this.#cells, cell) & slotBits) !== slot + 1) cell = (cell + 1) & this.#mask;
    return cell;
  }

  /** Empties a cell and moves back what probing had pushed past it, so that no search ends early. */
  #vacate(cell: number): void {
    let hole = cell;
    for (let next = (hole + 1) & this.#mask; at(this.#cells, next) !== 0; next = (next + 1) & this.#mask) {
      const home = at(this.#words, ((at(this.#cells, next) & slotBits) - 1) * 2) & this.#mask;
      const wouldPassHome = ((next - home) & this.#mask) < ((next - hole) & this.#mask);
      if (wouldPassHome) continue;
      this.#cells[hole] = at(this.#cells, next);
      hole = next;
    }
    this.#cells[hole] = 0;
  }

  #linkNewest(slot: number): void {
    this.#newer[slot] = noSlot;
    this.#older[slot] = this.#newest;
    if (this.#newest === noSlot) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const newer = at(this.#newer, slot);
    const older = at(this.#older, slot);
    if (newer === noSlot) this.#newest = older;
    else this.#older[newer] = older;
    if (older === noSlot) this.#oldest = newer;
    else this.#newer[older] = newer;
  }

  /** Moves the newest keys, as many as fit, into arrays for `wanted` keys, newest first. */
  #rebuild(wanted: number): void {
    const slots = slotsFor(wanted);
    const kept = Math.min(this.#size, this.#limit);
    const words = new Int32Array(slots * 2);
    let from = this.#newest;
    for (let slot = 0; slot < kept; slot++) {
      words[slot * 2] = at(this.#words, from * 2);
      words[slot * 2 + 1] = at(this.#words, from * 2 + 1);
      from = at(this.#older, from);
    }
    this.#words = words;
    this.#newer = new Int32Array(slots).map((_, slot) => slot - 1);
    this.#older = new Int32Array(slots).map((_, slot) => slot + 1);
    this.#size = kept;
    this.#newest = kept === 0 ? noSlot : 0;
    this.#oldest = kept - 1;
    if (kept > 0) this.#older[kept - 1] = noSlot;
    this.#cells = new Int32Array(slots * 2);
    this.#mask = slots * 2 - 1;
    for (let slot = 0; slot < kept; slot++) this.#occupy(slot);
  }
}

function checkedLimit(limit: number): number {
  if (limit <= maxLruSetKeys) return limit;
  throw new RangeError(`Cannot keep "${limit}" keys in one set: expected at most ${maxLruSetKeys}`);
}

function slotsFor(keys: number): number {
  return Math.max(firstSlots, 2 ** Math.ceil(Math.log2(Math.max(1, keys))));
}

function at(array: Int32Array, index: number): number {
  return array[index] as number;
}
