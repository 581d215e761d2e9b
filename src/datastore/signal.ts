/**
 * Where a signal's value comes from. `corrected`: scraped, then moved by what this picker dispatched and saw end since.
 * `total`: scraped, but a count of all that ever was: scorers rate it as the reference does, nothing else reads it.
 */
export type SignalSource = "scraped" | "corrected" | "total" | "unknown";

/**
 * One thing the picker knows about an endpoint. Immutable, so snapshots and decision records share it; the moment of
 * the sample is kept instead of an age, because a stored age is wrong one millisecond later: `ageMs(signal, nowMs)`.
 * `value` is undefined exactly when `source` is "unknown": unknown is never zero.
 */
export interface Signal<T = number> {
  readonly value: T | undefined;
  /** When the sample behind the value was asked for, on the picker's monotonic clock; -Infinity when never. */
  readonly sampledAtMs: number;
  readonly source: SignalSource;
}

/** The signal of what was never seen. Its age is Infinity. */
export const unknownSignal: Signal<never> = {
  value: undefined,
  sampledAtMs: Number.NEGATIVE_INFINITY,
  source: "unknown",
};

/** Age of a signal in milliseconds at `nowMs`, at least 0; Infinity for what was never sampled. */
export function ageMs(signal: Signal<unknown>, nowMs: number): number {
  return Math.max(0, nowMs - signal.sampledAtMs);
}
