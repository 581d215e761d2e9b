/** A stretch of a load with a higher rate. */
export interface Burst {
  /** Begin and end as shares of the whole load, 0..1. */
  readonly from: number;
  readonly to: number;
  /** Rate in the burst over the rate outside, above 0. */
  readonly factor: number;
}

/**
 * Gives arrivals a burst without changing their number or order: `share` 0..1 is an arrival's place in a load of constant
 * rate, the result its place in the same load with the burst. Sessions stay whole, and the mean rate stays as it is.
 */
export function warpIntoBurst(share: number, { from, to, factor }: Burst): number {
  const total = 1 + (factor - 1) * (to - from);
  const work = share * total;
  const workInBurst = (to - from) * factor;
  if (work <= from) return work;
  if (work <= from + workInBurst) return from + (work - from) / factor;
  return to + (work - from - workInBurst);
}
