/** Rows by time, earliest first, rows of one time in their order. Grows as it fills; nothing is allocated a row. */
export class TimeHeap {
  #times = new Float64Array(64);
  #rows = new Int32Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Time of the first row; Infinity when there is none. */
  get nextMs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  add(row: number, atMs: number): void {
    if (this.#count === this.#rows.length) this.#grow();
    let at = this.#count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(atMs, row, parent)) break;
      this.#put(at, this.#times[parent] as number, this.#rows[parent] as number);
      at = parent;
    }
    this.#put(at, atMs, row);
  }

  /** Takes out the first row. There must be one. */
  take(): number {
    const first = this.#rows[0] as number;
    const last = --this.#count;
    this.#sink(this.#times[last] as number, this.#rows[last] as number);
    return first;
  }

  /** Puts a row in the place of the first one, then down to where it belongs. */
  #sink(atMs: number, row: number): void {
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#count) break;
      const right = child + 1;
      if (right < this.#count && this.#isBefore(this.#times[right] as number, this.#rows[right] as number, child)) {
        child = right;
      }
      if (this.#isBefore(atMs, row, child)) break;
      this.#put(at, this.#times[child] as number, this.#rows[child] as number);
      at = child;
    }
    this.#put(at, atMs, row);
  }

  #isBefore(atMs: number, row: number, other: number): boolean {
    const otherMs = this.#times[other] as number;
    return atMs < otherMs || (atMs === otherMs && row < (this.#rows[other] as number));
  }

  #put(at: number, atMs: number, row: number): void {
    this.#times[at] = atMs;
    this.#rows[at] = row;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const rows = new Int32Array(times.length);
    times.set(this.#times);
    rows.set(this.#rows);
    this.#times = times;
    this.#rows = rows;
  }
}
