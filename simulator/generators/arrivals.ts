import type { Random } from "../../src/lib/random.ts";
import { type Burst, warpIntoBurst } from "../load/arrivals.ts";
import { drawGamma } from "./distributions.ts";

/** When requests arrive in an open loop. */
export interface Arrivals {
  /** Mean rate, above 0. */
  readonly ratePerSecond: number;
  /**
   * Standard deviation of the gaps over their mean: 0 evenly spaced, 1 (default) a Poisson process, more comes in bursts with
   * pauses between them (gamma-distributed gaps).
   */
  readonly cv?: number;
  /** A stretch with a higher rate; the mean rate stays. */
  readonly burst?: Burst;
}

/** Times of `count` arrivals in ms, ascending, the first after one gap. Throws RangeError for a rate or CV out of range. */
export function drawArrivals(count: number, { ratePerSecond, cv = 1, burst }: Arrivals, random: Random): Float64Array {
  if (!(ratePerSecond > 0 && ratePerSecond < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Cannot draw arrivals at "${ratePerSecond}" a second: expected a finite number above 0`);
  }
  if (!(cv >= 0 && cv <= 100)) throw new RangeError(`Cannot draw arrivals with CV "${cv}": expected 0 to 100`);
  const gapMs = 1000 / ratePerSecond;
  const times = new Float64Array(count);
  let atMs = 0;
  for (let i = 0; i < count; i++) {
    atMs += gapMs * drawGap(cv, random);
    times[i] = atMs;
  }
  if (burst === undefined) return times;
  const endMs = count * gapMs;
  return times.map((time) => (time < endMs ? warpIntoBurst(time / endMs, burst) * endMs : time));
}

/** A gap with mean 1. */
function drawGap(cv: number, random: Random): number {
  if (cv === 0) return 1;
  return cv === 1 ? -Math.log(1 - random()) : drawGamma(random, 1 / cv ** 2);
}
