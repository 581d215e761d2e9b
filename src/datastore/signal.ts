/**
 * Where a signal's value comes from. `corrected`: scraped, then moved by what this picker dispatched and saw end since.
 * `blended`: its sample is old, contradicted or was never there, so the pool's mean and the own count stand in, wholly or in
 * part. `total`: scraped, but a count of all that ever was: scorers rate it as the reference does, nothing else reads it.
 * `absent`: the server's pages are read and never had it (see `Sample.absent`): scorers rate it as 0, as the reference does,
 * to everyone else it is unknown.
 */
export type SignalSource = "scraped" | "corrected" | "blended" | "total" | "absent" | "unknown";

/**
 * One thing the picker knows about an endpoint. Immutable, so snapshots and decision records share it; the moment of
 * the sample is kept instead of an age, because a stored age is wrong one millisecond later: `ageMs(signal, nowMs)`.
 * `value` is undefined exactly when `source` is "unknown" or "absent": unknown is never zero.
 */
export interface Signal<T = number> {
  readonly value: T | undefined;
  /** When the sample behind the value was asked for, on the picker's monotonic clock; -Infinity when never. */
  readonly sampledAtMs: number;
  readonly source: SignalSource;
  /** What the page said, where `value` differs; read it with `scrapedOf`. */
  readonly scraped?: T | undefined;
  /** How much the sample counts in `value`, 0..1, where it is not 1; read it with `confidenceOf`. */
  readonly confidence?: number;
}

/** The signal of what was never seen. Its age is Infinity. */
export const unknownSignal: Signal<never> = {
  value: undefined,
  sampledAtMs: Number.NEGATIVE_INFINITY,
  source: "unknown",
};

/** What scorers rate: the value, 0 for an absent signal, NaN for an unknown one. */
export function ratedValue({ value, source }: Signal): number {
  return value ?? (source === "absent" ? 0 : Number.NaN);
}

/** Age of a signal in milliseconds at `nowMs`, at least 0; Infinity for what was never sampled. */
export function ageMs(signal: Signal<unknown>, nowMs: number): number {
  return Math.max(0, nowMs - signal.sampledAtMs);
}

/** What the model server's page said last; undefined when it never said anything usable. */
export function scrapedOf<T>(signal: Signal<T>): T | undefined {
  return signal.source === "corrected" || signal.source === "blended" ? signal.scraped : signal.value;
}

/** How much the sample counts in the value: 1 wholly, 0 not at all. */
export function confidenceOf(signal: Signal<unknown>): number {
  if (signal.source === "unknown") return 0;
  return signal.confidence ?? 1;
}

/** What was added to the scraped value; 0 where nothing was, undefined where there is no scraped value. */
export function correctionOf(signal: Signal): number | undefined {
  const scraped = scrapedOf(signal);
  return scraped === undefined || signal.value === undefined ? undefined : signal.value - scraped;
}
