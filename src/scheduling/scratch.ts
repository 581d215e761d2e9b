import type { Ratings } from "./plugin.ts";

/** Arrays that decisions reuse, so that none allocates by endpoints x scorers. One decision at a time may use a scratch. */
export class Scratch {
  /** One per scorer of the profile, in its order. */
  readonly ratings: Ratings[] = [];
  /** Random numbers drawn so far, in order. */
  readonly draws: number[] = [];
  totals: Float64Array<ArrayBuffer> = new Float64Array(0);

  /** Makes room for `candidates` rated by `scorers`, raw values NaN, scores and totals 0. */
  prepare(candidates: number, scorers: number): void {
    if (this.totals.length < candidates) this.totals = new Float64Array(roundUp(candidates));
    this.totals.fill(0, 0, candidates);
    for (let i = 0; i < scorers; i++) {
      const ratings = this.#ratings(i, candidates);
      ratings.raw.fill(Number.NaN, 0, candidates);
      ratings.score.fill(0, 0, candidates);
    }
  }

  #ratings(scorer: number, candidates: number): Ratings {
    const held = this.ratings[scorer];
    if (held !== undefined && held.raw.length >= candidates) return held;
    const length = roundUp(candidates);
    const grown = { raw: new Float64Array(length), score: new Float64Array(length) };
    this.ratings[scorer] = grown;
    return grown;
  }
}

function roundUp(count: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(count)));
}
