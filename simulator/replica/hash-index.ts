/**
 * Map from the key of a block's content to a number from 0 without allocation: open addressing with linear probing, at most
 * half full. Keys are whole numbers from 1 to 2^53.
 */
export class HashIndex {
  readonly #mask: number;
  readonly #shift: number;
  /** 0 marks an empty place. */
  readonly #hashes: Float64Array;
  readonly #blocks: Int32Array;

  /** Holds at most `capacity` hashes. */
  constructor(capacity: number) {
    const bits = Math.max(4, Math.ceil(Math.log2(capacity * 2)));
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#hashes = new Float64Array(2 ** bits);
    this.#blocks = new Int32Array(2 ** bits);
  }

  /** The block of `hash`, -1 when absent. */
  get(hash: number): number {
    const place = this.#find(hash);
    return this.#hashes[place] === hash ? (this.#blocks[place] ?? -1) : -1;
  }

  /** Adds `hash`, or gives it another number. */
  set(hash: number, block: number): void {
    const place = this.#find(hash);
    this.#hashes[place] = hash;
    this.#blocks[place] = block;
  }

  /** Removes `hash` when present, and closes the gap so that probing still finds the others. */
  delete(hash: number): void {
    let gap = this.#find(hash);
    if (this.#hashes[gap] !== hash) return;
    for (let place = (gap + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const other = this.#hashes[place] ?? 0;
      if (other === 0) break;
      const distance = (place - this.#home(other)) & this.#mask;
      if (distance < ((place - gap) & this.#mask)) continue;
      this.#hashes[gap] = other;
      this.#blocks[gap] = this.#blocks[place] ?? 0;
      gap = place;
    }
    this.#hashes[gap] = 0;
  }

  #home(hash: number): number {
    return Math.imul((hash | 0) ^ ((hash * 2 ** -32) | 0), 0x9e3779b1) >>> this.#shift;
  }

  /** Place of `hash`, or the empty place where it belongs. */
  #find(hash: number): number {
    let place = this.#home(hash);
    for (;;) {
      const found = this.#hashes[place];
      if (found === hash || found === 0) return place;
      place = (place + 1) & this.#mask;
    }
  }
}
