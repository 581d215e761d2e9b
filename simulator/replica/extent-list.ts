/** The end of the list, and what `next` and `previous` give there. */
const end = 0;

/**
 * Extents of blocks in the order in which they are reused: the blocks that nobody references. An extent is a number from 1; it
 * gives its last blocks first.
 */
export class ExtentList {
  readonly #previous: Int32Array;
  readonly #next: Int32Array;

  /** For extents below `capacity`. */
  constructor(capacity: number) {
    this.#previous = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
  }

  /** Free for longest; 0 when the list is empty. */
  get first(): number {
    return this.#next[end] as number;
  }

  /** Free for shortest; 0 when the list is empty. */
  get last(): number {
    return this.#previous[end] as number;
  }

  push(extent: number): void {
    this.#insert(extent, end);
  }

  /** Puts `extent` before `other`, which is in the list: it is reused earlier. */
  insertBefore(extent: number, other: number): void {
    this.#insert(extent, other);
  }

  remove(extent: number): void {
    const before = this.#previous[extent] as number;
    const after = this.#next[extent] as number;
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  #insert(extent: number, after: number): void {
    const before = this.#previous[after] as number;
    this.#next[before] = extent;
    this.#previous[extent] = before;
    this.#next[extent] = after;
    this.#previous[after] = extent;
  }
}
