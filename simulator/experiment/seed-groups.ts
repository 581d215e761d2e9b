/** Seeds of one policy that fall into two groups, as a pool does that settles into one of two steady states. */
export interface SeedGroups {
  /** Seeds in the lower group, and their mean. */
  readonly lower: { readonly count: number; readonly mean: number };
  readonly upper: { readonly count: number; readonly mean: number };
}

const fewestSeeds = 5;
const leastGroup = 2;

/**
 * The two groups that `values` fall into; undefined when they are one. They are two when the widest gap between neighbours is more than
 * half of the range, at least a fifth of the median, and 2 values or more lie on either side.
 */
export function findSeedGroups(values: readonly number[]): SeedGroups | undefined {
  if (values.length < fewestSeeds) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] as number;
  let split = leastGroup;
  for (let i = leastGroup; i <= sorted.length - leastGroup; i++) {
    if (at(i) - at(i - 1) > at(split) - at(split - 1)) split = i;
  }
  const gap = at(split) - at(split - 1);
  const range = at(sorted.length - 1) - at(0);
  if (!(gap > range / 2 && gap > Math.abs(at(Math.floor(sorted.length / 2))) / 5)) return undefined;
  const group = (part: readonly number[]): SeedGroups["lower"] => ({
    count: part.length,
    mean: part.reduce((sum, value) => sum + value, 0) / part.length,
  });
  return { lower: group(sorted.slice(0, split)), upper: group(sorted.slice(split)) };
}
