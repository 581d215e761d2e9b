import { meanOf } from "./interval.ts";

/** How values differ that were drawn in groups: from group to group, and within one. NaN: not known. */
export interface NestedSpread {
  /** Standard deviation from group to group without what chance within groups adds to their means; 0: no more than that. */
  readonly between: number;
  /** Least and greatest mean of a group. */
  readonly low: number;
  readonly high: number;
  /** Standard deviation within groups; NaN with one value each, when `between` holds both. */
  readonly within: number;
}

/** Means of the groups that every `size` values in a row are. */
export function groupMeans(values: readonly number[], size: number): readonly number[] {
  if (size === 1) return values;
  const groups = Array.from({ length: Math.floor(values.length / size) }, (_, i) => i * size);
  return groups.map((from) => meanOf(values.slice(from, from + size)));
}

/** The spread of groups of `size` values (analysis of variance for one random factor). */
export function nestedSpread(values: readonly number[], size: number): NestedSpread {
  const means = groupMeans(values, size);
  const all = meanOf(means);
  const ofMeans = means.reduce((sum, mean) => sum + (mean - all) ** 2, 0) / (means.length - 1);
  const squares = values.reduce((sum, value, i) => sum + (value - (means[Math.floor(i / size)] as number)) ** 2, 0);
  const within = size === 1 ? Number.NaN : squares / (means.length * (size - 1));
  const between = ofMeans - (size === 1 ? 0 : within / size);
  return {
    between: Math.sqrt(Math.max(0, between)),
    low: Math.min(...means),
    high: Math.max(...means),
    within: Math.sqrt(within),
  };
}
