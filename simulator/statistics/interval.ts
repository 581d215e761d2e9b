import { studentT } from "./student-t.ts";

/** A mean with its 95 % interval. */
export interface Interval {
  /** NaN when one of the values is unknown, or there is none. */
  readonly mean: number;
  /** NaN with fewer than two values. */
  readonly low: number;
  readonly high: number;
}

const confidence = 0.95;

/** Mean of independent `values` with the t interval. */
export function meanInterval(values: readonly number[]): Interval {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (values.length < 2 || Number.isNaN(mean)) return { mean, low: Number.NaN, high: Number.NaN };
  const freedom = values.length - 1;
  const half = studentT(confidence, freedom) * Math.sqrt(squares / freedom / values.length);
  return { mean, low: mean - half, high: mean + half };
}

/** What `a` is more than `b`, seed by seed: both saw the same requests, so what they share drops out (simulator 3.3). */
export function pairedDifference(a: readonly number[], b: readonly number[]): Interval {
  if (a.length !== b.length) throw new RangeError(`Cannot pair ${a.length} values with ${b.length}`);
  return meanInterval(a.map((value, seed) => value - (b[seed] as number)));
}

/** Whether an interval says nothing about the sign: it holds zero, or there is none. */
export function spansZero({ low, high }: Interval): boolean {
  return !(low > 0 || high < 0);
}

/** NaN without values. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
