/** Mean over time of a value that is told at moments and holds until the next; unknown stretches do not count. */
export class TimeMean {
  readonly #fromMs: number;
  readonly #toMs: number;
  #atMs = Number.NaN;
  #value = Number.NaN;
  #sum = 0;
  #knownMs = 0;

  /** The mean from `fromMs` to `toMs`. */
  constructor(fromMs: number, toMs: number) {
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  /** `value` from `atMs` on; moments ascend. NaN: unknown. */
  set(atMs: number, value: number): void {
    const ms = Math.min(atMs, this.#toMs) - Math.max(this.#atMs, this.#fromMs);
    if (ms > 0 && !Number.isNaN(this.#value)) {
      this.#sum += this.#value * ms;
      this.#knownMs += ms;
    }
    [this.#atMs, this.#value] = [atMs, value];
  }

  /** The mean when the last value holds to the end; NaN when nothing is known. */
  end(): number {
    this.set(this.#toMs, Number.NaN);
    return this.#sum / this.#knownMs;
  }
}
