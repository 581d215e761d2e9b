import { quantileOf } from "../statistics/spread.ts";

/** Percentiles of a set of durations, ms, rounded to 0.1. NaN without values. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Percentiles of `values`, in any order. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => round(quantileOf(sorted, share), 1);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** `value` rounded to `digits` decimals. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
