import type { Random } from "../../src/lib/random.ts";

/** Lengths in tokens or times in any unit. */
export type Distribution =
  | { readonly kind: "fixed"; readonly value: number }
  /** Every value from `min` to `max` equally likely. */
  | { readonly kind: "uniform"; readonly min: number; readonly max: number }
  /** Log-normal by its mean and its 99th percentile, which is above the mean; cut to at most `max`. */
  | { readonly kind: "log-normal"; readonly mean: number; readonly p99: number; readonly max: number }
  /** Values that a share of `ratios[i]` (ascending, 0 first, 1 last) does not exceed, a straight line between two of them. */
  | { readonly kind: "quantiles"; readonly ratios: readonly number[]; readonly values: readonly number[] };

/** Draws values; each takes two random numbers at most. */
export type Sampler = (random: Random) => number;

/** The sampler of a distribution. Throws RangeError for one that cannot be. */
export function createSampler(distribution: Distribution): Sampler {
  switch (distribution.kind) {
    case "fixed": {
      const { value } = distribution;
      return () => value;
    }
    case "uniform": {
      const { min, max } = distribution;
      return (random) => min + random() * (max - min);
    }
    case "log-normal":
      return logNormal(distribution);
    case "quantiles": {
      const { ratios, values } = distribution;
      return (random) => interpolate(ratios, values, random());
    }
  }
}

/** Whole tokens, at least 1. */
export function drawTokens(sampler: Sampler, random: Random): number {
  return Math.max(1, Math.round(sampler(random)));
}

/** 99th percentile of the standard normal distribution. */
const z99 = 2.3263478740408408;

function logNormal({ mean, p99, max }: Distribution & { readonly kind: "log-normal" }): Sampler {
  const spread = Math.log(p99 / mean);
  // p99 = exp(m + z s) and mean = exp(m + s^2 / 2) give a quadratic in s, whose smaller root is the usual one.
  const root = z99 ** 2 - 2 * spread;
  if (!(spread > 0 && root >= 0)) {
    throw new RangeError(
      `Cannot draw log-normal lengths: p99 ${p99} for mean ${mean}, expected 1 to 14.9 times the mean`,
    );
  }
  const sigma = z99 - Math.sqrt(root);
  const median = Math.log(mean) - sigma ** 2 / 2;
  return (random) => Math.min(max, Math.exp(median + sigma * drawNormal(random)));
}

/** Standard normal. */
export function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function interpolate(ratios: readonly number[], values: readonly number[], ratio: number): number {
  let at = 1;
  while (at < ratios.length - 1 && (ratios[at] as number) < ratio) at++;
  const [from, to] = [ratios[at - 1] as number, ratios[at] as number];
  const [low, high] = [values[at - 1] as number, values[at] as number];
  return low + ((ratio - from) / (to - from)) * (high - low);
}

/** Gamma with the given shape, above 0, and mean 1 (Marsaglia and Tsang; for shapes below 1 with a power of a uniform). */
export function drawGamma(random: Random, shape: number): number {
  const boost = shape < 1 ? (1 - random()) ** (1 / shape) : 1;
  const d = (shape < 1 ? shape + 1 : shape) - 1 / 3;
  for (;;) {
    const normal = drawNormal(random);
    const cube = (1 + normal / Math.sqrt(9 * d)) ** 3;
    if (cube <= 0) continue;
    if (Math.log(1 - random()) < normal ** 2 / 2 + d - d * cube + d * Math.log(cube)) return (boost * d * cube) / shape;
  }
}
