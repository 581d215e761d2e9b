const leastSeconds = 1;
const mostSeconds = 60;

/** What the time until a full pool has room again is estimated from. */
export interface DrainFacts {
  /** At least 1. */
  readonly saturation: number;
  /** Requests whose end would bring the saturation to 0; NaN when not known. */
  readonly load: number;
  /** Requests that the pool completes a second; undefined when not known. */
  readonly completionsPerSecond: number | undefined;
}

/**
 * Whole seconds until the saturation is below 1, were nothing to come in: it falls in proportion to the load, so more than
 * load x (1 - 1 / saturation) requests must end, at the rate of late. 1..60; 1 when load or rate is unknown.
 */
export function retryAfterSeconds({ saturation, load, completionsPerSecond }: DrainFacts): number {
  if (completionsPerSecond === undefined || Number.isNaN(load)) return leastSeconds;
  const endsNeeded = Math.floor(load * (1 - 1 / saturation)) + 1;
  return Math.min(mostSeconds, Math.max(leastSeconds, Math.ceil(endsNeeded / completionsPerSecond)));
}
