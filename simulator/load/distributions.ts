import type { Random } from "../../src/lib/random.ts";

/** Exponential with the given mean. */
export function drawExponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** Whole number from `min` to `max`, both possible, all equally likely. */
export function drawWhole(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

/** Log-normal with the given median and sigma, rounded and cut to `min` to `max`: many short lengths, few long ones. */
export function drawLength(random: Random, length: LengthDistribution): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const value = Math.round(length.median * Math.exp(length.sigma * normal));
  return Math.min(length.max, Math.max(length.min, value));
}

/** Lengths in tokens; see `drawLength`. */
export interface LengthDistribution {
  readonly median: number;
  readonly sigma: number;
  readonly min: number;
  readonly max: number;
}

/** Rank from 0 to `count` - 1, where rank i is 1 / (i + 1) times as likely as rank 0 (Zipf with exponent 1). */
export function drawZipf(random: Random, count: number): number {
  let total = 0;
  for (let i = 1; i <= count; i++) total += 1 / i;
  let left = random() * total;
  for (let i = 1; i < count; i++) {
    left -= 1 / i;
    if (left < 0) return i - 1;
  }
  return count - 1;
}
