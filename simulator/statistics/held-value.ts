/** A value that is told at moments and holds until the next; its mean over any window is asked for in logarithmic time. */
export class HeldValue {
  readonly #atMs: Float64Array;
  readonly #values: Float64Array;
  /** Integral, and time for which the value was known, up to each moment. */
  readonly #sum: Float64Array;
  readonly #knownMs: Float64Array;

  /** `moments` ascend; a value of NaN is unknown. */
  constructor(moments: readonly { readonly atMs: number; readonly value: number }[]) {
    this.#atMs = Float64Array.from(moments, ({ atMs }) => atMs);
    this.#values = Float64Array.from(moments, ({ value }) => value);
    this.#sum = new Float64Array(moments.length);
    this.#knownMs = new Float64Array(moments.length);
    for (let i = 1; i < moments.length; i++) {
      const { sum, knownMs } = this.#upTo(this.#atMs[i] as number, i - 1);
      this.#sum[i] = sum;
      this.#knownMs[i] = knownMs;
    }
  }

  /** Mean from `fromMs` to `toMs`; NaN when nothing is known. */
  mean(fromMs: number, toMs: number): number {
    const from = this.#upTo(fromMs, lastUpTo(this.#atMs, fromMs));
    const to = this.#upTo(toMs, lastUpTo(this.#atMs, toMs));
    return (to.sum - from.sum) / (to.knownMs - from.knownMs);
  }

  #upTo(atMs: number, place: number): { readonly sum: number; readonly knownMs: number } {
    if (place < 0) return { sum: 0, knownMs: 0 };
    const [sum, knownMs] = [this.#sum[place] as number, this.#knownMs[place] as number];
    const value = this.#values[place] as number;
    const heldMs = atMs - (this.#atMs[place] as number);
    return Number.isNaN(value) ? { sum, knownMs } : { sum: sum + value * heldMs, knownMs: knownMs + heldMs };
  }
}

/** Index of the last of the ascending `values` that is at most `bound`; -1: none. */
export function lastUpTo(values: Float64Array, bound: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= bound) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
