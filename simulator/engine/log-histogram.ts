/** Buckets a doubling; the relative error of a quantile is at most half a bucket, about 0.3 %. */
const bucketsPerOctave = 128;
/** Smallest value that is told apart, and the range above it in octaves. */
const smallest = 2 ** -14;
const octaves = 44;

/**
 * Counts of positive values in buckets of equal ratio, for millions of values in fixed memory. The mean is exact; quantiles
 * are those of the buckets' middles. Values below 2^-14 and above 2^30 count in the outermost buckets.
 */
export class LogHistogram {
  readonly #counts = new Float64Array(bucketsPerOctave * octaves);
  #count = 0;
  #sum = 0;

  /** Values counted. */
  get count(): number {
    return this.#count;
  }

  /** NaN without a value. */
  get mean(): number {
    return this.#sum / this.#count;
  }

  /** Counts `value` `times` times; default once. */
  add(value: number, times = 1): void {
    const at = Math.floor(Math.log2(value / smallest) * bucketsPerOctave);
    const bucket = Math.max(0, Math.min(this.#counts.length - 1, at));
    this.#counts[bucket] = (this.#counts[bucket] as number) + times;
    this.#count += times;
    this.#sum += value * times;
  }

  /** Adds the counts of another. */
  merge(other: LogHistogram): void {
    for (const [bucket, count] of other.#counts.entries()) {
      if (count > 0) this.#counts[bucket] = (this.#counts[bucket] as number) + count;
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
  }

  /** The value that `ratio` (0..1) of the values do not exceed; NaN without a value. */
  quantile(ratio: number): number {
    let left = ratio * this.#count;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return smallest * 2 ** ((bucket + 0.5) / bucketsPerOctave);
    }
    return Number.NaN;
  }

  /** Share of the values that are at most `value`, to the bucket that it is in; NaN without a value. */
  shareUpTo(value: number): number {
    const last = Math.floor(Math.log2(value / smallest) * bucketsPerOctave);
    let upTo = 0;
    for (let bucket = 0; bucket <= Math.min(last, this.#counts.length - 1); bucket++) {
      upTo += this.#counts[bucket] as number;
    }
    return upTo / this.#count;
  }
}
