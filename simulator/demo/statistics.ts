/** Percentiles of a set of durations, ms, rounded to 0.1. NaN without values. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** The smallest value that at least `share` (0..1) of `sorted` does not exceed (nearest rank); NaN without values. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Percentiles of `values`, in any order. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => round(quantile(sorted, share), 1);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** `value` rounded to `digits` decimals. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
