/** How values are spread; all NaN without values. Quantiles are nearest rank. */
export interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p95: number;
  readonly max: number;
}

/** The spread of `values`, which are sorted in place. */
export function spreadOf(values: Float64Array): Spread {
  values.sort();
  let sum = 0;
  for (const value of values) sum += value;
  return {
    mean: sum / values.length,
    p50: quantileOf(values, 0.5),
    p90: quantileOf(values, 0.9),
    p99: quantileOf(values, 0.99),
    p95: quantileOf(values, 0.95),
    max: values.at(-1) ?? Number.NaN,
  };
}

/** The smallest of `sorted` that at least `share` (0..1) of them do not exceed; NaN without values. */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
