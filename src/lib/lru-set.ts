const noSlot = -1;
const firstSlots = 64;

/**
 * A bounded set of 64-bit keys that forgets the key untouched for longest. A key is two unsigned 32-bit words and must
 * already be uniformly spread (a hash): the low word is used as it is. Takes 24 bytes a key, in typed arrays that double
 * as the set fills, so an unused limit costs nothing.
 */
export class LruSet {
  #limit: number;
  #size = 0;
  #newest = noSlot;
  #oldest = noSlot;
  #low = new Uint32Array(0);
  #high = new Uint32Array(0);
  /** Neighbours in order of touch: `#newer[slot]`, `#older[slot]`. */
  #newer = new Int32Array(0);
  #older = new Int32Array(0);
  /** Open addressing with linear probing: slot + 1, 0 for empty. Twice as many cells as slots. */
  #cells = new Int32Array(0);
  #mask = 0;

  /** `limit`: keys kept, a whole number of at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
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

  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#low.length * 16 + this.#cells.length * 4;
  }

  /** Changes the limit; the oldest keys beyond it are forgotten and memory that is no longer needed is released. */
  setLimit(limit: number): void {
    if (limit === this.#limit) return;
    this.#limit = limit;
    while (this.#size > limit) this.#removeOldest();
    if (this.#size * 4 <= this.#low.length && this.#low.length > firstSlots) this.#rebuild(this.#size * 2);
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
    if (this.#size >= this.#limit) this.#removeOldest();
    if (this.#size === this.#low.length) this.#rebuild(this.#size * 2);
    this.#append(low, high);
    return true;
  }

  /** Keys from newest to oldest, as [low, high]. */
  *keys(): Generator<readonly [low: number, high: number]> {
    for (let slot = this.#newest; slot !== noSlot; slot = at(this.#older, slot)) {
      yield [at(this.#low, slot), at(this.#high, slot)];
    }
  }

  #find(low: number, high: number): number {
    for (let cell = low & this.#mask; ; cell = (cell + 1) & this.#mask) {
      const slot = at(this.#cells, cell) - 1;
      if (slot === noSlot || (at(this.#low, slot) === low >>> 0 && at(this.#high, slot) === high >>> 0)) return slot;
    }
  }

  /** Slots are dense: the new key takes slot `#size`. */
  #append(low: number, high: number): void {
    const slot = this.#size++;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#linkNewest(slot);
    this.#occupy(slot);
  }

  #occupy(slot: number): void {
    let cell = at(this.#low, slot) & this.#mask;
    while (at(this.#cells, cell) !== 0) cell = (cell + 1) & this.#mask;
    this.#cells[cell] = slot + 1;
  }

  #removeOldest(): void {
    const slot = this.#oldest;
    this.#unlink(slot);
    this.#vacate(this.#cellOf(slot));
    const last = --this.#size;
    if (slot !== last) this.#move(last, slot);
  }

  #cellOf(slot: number): number {
    let cell = at(this.#low, slot) & this.#mask;
    while (at(this.#cells, cell) !== slot + 1) cell = (cell + 1) & this.#mask;
    return cell;
  }

  /** Empties a cell and moves back what probing had pushed past it, so that no search ends early. */
  #vacate(cell: number): void {
    let hole = cell;
    for (let next = (hole + 1) & this.#mask; at(this.#cells, next) !== 0; next = (next + 1) & this.#mask) {
      const home = at(this.#low, at(this.#cells, next) - 1) & this.#mask;
      const wouldPassHome = ((next - home) & this.#mask) < ((next - hole) & this.#mask);
      if (wouldPassHome) continue;
      this.#cells[hole] = at(this.#cells, next);
      hole = next;
    }
    this.#cells[hole] = 0;
  }

  #move(from: number, to: number): void {
    this.#cells[this.#cellOf(from)] = to + 1;
    this.#low[to] = at(this.#low, from);
    this.#high[to] = at(this.#high, from);
    const newer = at(this.#newer, from);
    const older = at(this.#older, from);
    this.#newer[to] = newer;
    this.#older[to] = older;
    if (newer === noSlot) this.#newest = to;
    else this.#older[newer] = to;
    if (older === noSlot) this.#oldest = to;
    else this.#newer[older] = to;
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

  #rebuild(wanted: number): void {
    let slots = firstSlots;
    while (slots < wanted) slots *= 2;
    this.#low = copyInto(new Uint32Array(slots), this.#low, this.#size);
    this.#high = copyInto(new Uint32Array(slots), this.#high, this.#size);
    this.#newer = copyInto(new Int32Array(slots), this.#newer, this.#size);
    this.#older = copyInto(new Int32Array(slots), this.#older, this.#size);
    this.#cells = new Int32Array(slots * 2);
    this.#mask = slots * 2 - 1;
    for (let slot = 0; slot < this.#size; slot++) this.#occupy(slot);
  }
}

function at(array: Int32Array | Uint32Array, index: number): number {
  return array[index] as number;
}

function copyInto<A extends Int32Array | Uint32Array>(target: A, source: A, length: number): A {
  target.set(source.subarray(0, length));
  return target;
}
