import type { LogHistogram } from "../engine/log-histogram.ts";

/** How values are spread, as far as it is known. */
export interface Distribution {
  /** Values at which `shareUpTo` is exact, ascending, finite; ms. */
  readonly points: readonly number[];
  /** Whether it changes at its points only, so that another one may be compared at its own points too. */
  readonly isExact: boolean;
  /** ms; NaN unknown. */
  readonly mean: number;
  /** Share of the values that are at most `ms`, 0..1. */
  shareUpTo(ms: number): number;
}

/** The distribution of single values; undefined without one. */
export function distributionOf(values: Iterable<number>): Distribution | undefined {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return undefined;
  return {
    points: [...new Set(sorted)],
    isExact: true,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    shareUpTo: (ms) => countUpTo(sorted, ms) / sorted.length,
  };
}

/** The distribution of a histogram: exact at the bounds of its buckets; undefined without a value. */
export function distributionOfBuckets(
  bounds: readonly number[],
  /** Values up to each bound; the last one is the count. */
  upTo: readonly number[],
  mean = Number.NaN,
): Distribution | undefined {
  const count = upTo.at(-1) ?? 0;
  if (!(count > 0)) return undefined;
  const at = (ms: number): number => bounds.findLastIndex((bound) => bound <= ms);
  return {
    points: bounds.filter((bound) => Number.isFinite(bound)),
    isExact: false,
    mean,
    shareUpTo: (ms) => (upTo[at(ms)] ?? 0) / count,
  };
}

/** The distribution of what a run counted; undefined without a value. */
export function distributionOfRun(histogram: LogHistogram): Distribution | undefined {
  if (histogram.count === 0) return undefined;
  return { points: [], isExact: false, mean: histogram.mean, shareUpTo: (ms) => histogram.shareUpTo(ms) };
}

/** All of several distributions in equal parts; unknown ones are left out, undefined without any. */
export function mixDistributions(all: readonly (Distribution | undefined)[]): Distribution | undefined {
  const known = all.filter((one) => one !== undefined);
  if (known.length === 0) return undefined;
  const meanOver = (read: (one: Distribution) => number): number =>
    known.reduce((sum, one) => sum + read(one), 0) / known.length;
  return {
    points: [...new Set(known.flatMap(({ points }) => points))].toSorted((a, b) => a - b),
    isExact: known.every(({ isExact }) => isExact),
    mean: meanOver(({ mean }) => mean),
    shareUpTo: (ms) => meanOver((one) => one.shareUpTo(ms)),
  };
}

/** Greatest difference of the shares of `recorded` and `simulated` (Kolmogorov-Smirnov), at every value that both know; 0..1. */
export function distributionDistance(recorded: Distribution, simulated: Distribution): number {
  const isBoth = recorded.isExact && simulated.isExact;
  const points = isBoth ? [...recorded.points, ...simulated.points] : recorded.points;
  return points.reduce((most, ms) => Math.max(most, Math.abs(recorded.shareUpTo(ms) - simulated.shareUpTo(ms))), 0);
}

function countUpTo(sorted: Float64Array, ms: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
