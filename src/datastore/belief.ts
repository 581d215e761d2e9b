import type { EndpointSignals } from "./endpoint.ts";
import { ratedValue, scrapedOf, type Signal } from "./signal.ts";

/** The signals that are numbers and can be blended. */
export const loadFamilies = ["waitingRequests", "runningRequests", "kvCacheRatio"] as const;
export type LoadFamily = (typeof loadFamilies)[number];

/** How much each sample of an endpoint counts, 0..1. */
export type Confidences = Readonly<Record<LoadFamily, number>>;

/** Full confidence in every sample. */
export const fullConfidence: Confidences = { waitingRequests: 1, runningRequests: 1, kvCacheRatio: 1 };

/** Confidence at or above this counts as full: a blend would not be seen in any score. */
const practicallyFull = 0.999;
/** Weight of samples that nobody believes any more: where all are old, their mean is still the best guess of the level. */
const leastWeight = 1e-6;

/** An endpoint before its signals are blended. */
export interface Believed {
  readonly signals: EndpointSignals;
  readonly confidences: Confidences;
  readonly openRequests: number;
}

/** Means over the pool, weighted by confidence. */
export interface PoolPrior {
  /** Mean of each signal; undefined when no endpoint has it. */
  readonly means: Readonly<Record<LoadFamily, number | undefined>>;
  /** Mean of the own open requests over the endpoints that each mean is of. */
  readonly openRequests: Readonly<Record<LoadFamily, number>>;
}

/** What the pool is like, as far as samples tell. */
export function poolPrior(endpoints: readonly Believed[]): PoolPrior {
  const means: Record<LoadFamily, number | undefined> = {
    waitingRequests: undefined,
    runningRequests: undefined,
    kvCacheRatio: undefined,
  };
  const openRequests: Record<LoadFamily, number> = { waitingRequests: 0, runningRequests: 0, kvCacheRatio: 0 };
  for (const family of loadFamilies) {
    let [weights, sum, open] = [0, 0, 0];
    for (const { signals, confidences, openRequests: own } of endpoints) {
      const { value, source } = signals[family];
      if (value === undefined || source === "total") continue;
      const weight = confidences[family] + leastWeight;
      weights += weight;
      sum += weight * value;
      open += weight * own;
    }
    if (weights === 0) continue;
    means[family] = sum / weights;
    openRequests[family] = open / weights;
  }
  return { means, openRequests };
}

/** Whether an endpoint's signals need a prior at all. */
export function needsPrior({ signals, confidences }: Believed): boolean {
  return (
    isUnsure(signals.waitingRequests, confidences.waitingRequests) ||
    isUnsure(signals.runningRequests, confidences.runningRequests) ||
    isUnsure(signals.kvCacheRatio, confidences.kvCacheRatio)
  );
}

function isUnsure(signal: Signal, confidence: number): boolean {
  return signal.source !== "total" && (Number.isNaN(ratedValue(signal)) || confidence < practicallyFull);
}

/**
 * The signals as they are believed: a sample counts by its confidence, the rest is what an endpoint like the others of the
 * pool would show with the requests that this picker has there (DESIGN, decision 3):
 * - waiting, running: the pool's mean + own open requests - the pool's mean of those, at least 0; where no endpoint ever
 *   showed the signal, the own open requests;
 * - KV use: the pool's mean x own open requests / the pool's mean of those, 0..1; unknown where no endpoint ever showed it.
 * So a silent endpoint is rated by its own requests around the middle of the pool, and a pool that is silent as a whole by
 * own requests alone: least in flight. An absent signal counts as 0, a total stays as it is.
 */
export function blend({ signals, confidences, openRequests }: Believed, prior: PoolPrior): EndpointSignals {
  const { waitingRequests, runningRequests, kvCacheRatio, adapters, cacheInfo } = signals;
  const waiting = guessCount(prior, "waitingRequests", openRequests);
  const running = guessCount(prior, "runningRequests", openRequests);
  return {
    waitingRequests: blendOne(waitingRequests, confidences.waitingRequests, waiting),
    runningRequests: blendOne(runningRequests, confidences.runningRequests, running),
    kvCacheRatio: blendOne(kvCacheRatio, confidences.kvCacheRatio, guessRatio(prior, openRequests)),
    adapters,
    cacheInfo,
  };
}

function guessCount({ means, openRequests }: PoolPrior, family: LoadFamily, own: number): number {
  const mean = means[family];
  return mean === undefined ? own : Math.max(0, mean + own - openRequests[family]);
}

function guessRatio({ means, openRequests }: PoolPrior, own: number): number | undefined {
  const mean = means.kvCacheRatio;
  if (mean === undefined || openRequests.kvCacheRatio === 0) return mean;
  return Math.min(1, (mean * own) / openRequests.kvCacheRatio);
}

function blendOne(signal: Signal, confidence: number, guess: number | undefined): Signal {
  const { sampledAtMs } = signal;
  if (signal.source === "total") return signal;
  const value = ratedValue(signal);
  if (guess === undefined) return signal;
  if (Number.isNaN(value)) {
    return { value: guess, sampledAtMs, source: "blended", scraped: undefined, confidence: 0 };
  }
  if (confidence >= practicallyFull) return signal;
  const scraped = scrapedOf(signal);
  return { value: confidence * value + (1 - confidence) * guess, sampledAtMs, source: "blended", scraped, confidence };
}
