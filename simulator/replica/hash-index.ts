/** Bits of the smallest table. */
const smallestBits = 6;

/**
 * Map from the key of a block's content to a number from 0: open addressing with linear probing, at most half full, doubled
 * when it needs to be. Keys are whole numbers from 1 to 2^53.
 */
export class HashIndex {
  #mask = 0;
  #shift = 0;
  /** 0 marks an empty place. */
  #keys = new Float64Array(0);
  #values = new Int32Array(0);
  #count = 0;

  constructor() {
    this.#resize(smallestBits);
  }

  /** Keys that it has. */
  get count(): number {
    return this.#count;
  }

  /** The number of `key`, -1 when absent. */
  get(key: number): number {
    const place = this.#find(key);
    return this.#keys[place] === key ? (this.#values[place] as number) : -1;
  }

  /** Adds `key`, or gives it another number. */
  set(key: number, value: number): void {
    let place = this.#find(key);
    if (this.#keys[place] !== key) {
      if (++this.#count * 2 > this.#mask) {
        this.#grow();
        place = this.#find(key);
      }
      this.#keys[place] = key;
    }
    this.#values[place] = value;
  }

  /** Removes `key` when present, and closes the gap so that probing still finds the others. */
  delete(key: number): void {
    let gap = this.#find(key);
    if (this.#keys[gap] !== key) return;
    this.#count--;
    for (let place = (gap + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const other = this.#keys[place] as number;
      if (other === 0) break;
      const distance = (place - this.#home(other)) & this.#mask;
      if (distance < ((place - gap) & this.#mask)) continue;
      this.#keys[gap] = other;
      this.#values[gap] = this.#values[place] as number;
      gap = place;
    }
    this.#keys[gap] = 0;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#resize(Math.log2(keys.length) + 1);
    for (const [i, key] of keys.entries()) {
      if (key === 0) continue;
      const place = this.#find(key);
      this.#keys[place] = key;
      this.#values[place] = values[i] as number;
    }
  }

  #resize(bits: number): void {
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#keys = new Float64Array(2 ** bits);
    this.#values = new Int32Array(2 ** bits);
  }

  #home(key: number): number {
    return Math.imul((key | 0) ^ ((key * 2 ** -32) | 0), 0x9e3779b1) >>> this.#shift;
  }

  /** Place of `key`, or the empty place where it belongs. */
  #find(key: number): number {
    let place = this.#home(key);
    for (;;) {
      const found = this.#keys[place];
      if (found === key || found === 0) return place;
      place = (place + 1) & this.#mask;
    }
  }
}
