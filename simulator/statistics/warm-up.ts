import type { PoolSeries } from "../engine/simulation-run.ts";

/** How much of the start of a run is left out, and by which rule (simulator 3.3). */
export interface WarmUp {
  /** Requests that are meant to arrive before have no part in the figures. */
  readonly cutMs: number;
  /** Which of the two rules asked for this cut; none: nothing is cut. */
  readonly rule: "none" | "queue" | "prefix-hits";
  /** False: a rule found no steady state in what may be cut, so all of that is. */
  readonly isSettled: boolean;
}

/** Nothing is cut: the cold start counts. */
export const noWarmUp: WarmUp = { cutMs: 0, rule: "none", isSettled: true };

const samplesPerBatch = 5;
/** A steady state must begin in this share of the load, as MSER has it: later cuts leave too little to tell. */
const largestCut = 0.5;
/** Share of the load over which the hit ratio is looked at. */
const hitWindow = 0.1;
const hitTolerance = 0.02;

/**
 * The greater of two cuts of the load that ends with the arrival at `lastArrivalMs`: MSER-5 on waiting and running requests, and the
 * first moment from which a tenth of the load has a prefix hit ratio within 2 points of that of all that follows. No more is cut than
 * half of the load, and nothing from `latestMs` on (default: whatever comes).
 */
export function findWarmUp(series: PoolSeries, lastArrivalMs: number, latestMs = Number.POSITIVE_INFINITY): WarmUp {
  const { stepMs } = series;
  const samples = Math.min(series.samples, Math.floor(lastArrivalMs / stepMs) + 1);
  const batches = Math.floor(samples / samplesPerBatch);
  if (batches < 4) return noWarmUp;
  const limit = Math.floor(Math.min(batches * largestCut, latestMs / stepMs / samplesPerBatch));
  const queue = mser(batchMeans(series, batches), limit);
  const hits = settledHits(series, batches, limit);
  const rule = queue >= hits ? "queue" : "prefix-hits";
  const cut = Math.max(queue, hits);
  if (cut === 0) return noWarmUp;
  return { cutMs: cut * samplesPerBatch * stepMs, rule, isSettled: cut < limit };
}

/** Waiting and running requests of the pool, the mean of each batch of samples. */
function batchMeans({ waiting, running, samples }: PoolSeries, batches: number): Float64Array {
  const replicas = waiting.length / samples;
  const means = new Float64Array(batches);
  for (let i = 0; i < batches * samplesPerBatch * replicas; i++) {
    const batch = Math.floor(i / replicas / samplesPerBatch);
    means[batch] = (means[batch] as number) + ((waiting[i] as number) + (running[i] as number)) / samplesPerBatch;
  }
  return means;
}

/** The number of leading values, at most `limit`, without which the mean of the others is known best. */
function mser(values: Float64Array, limit: number): number {
  let [sum, squares] = [0, 0];
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let first = values.length - 1; first >= 0; first--) {
    const value = values[first] as number;
    sum += value;
    squares += value * value;
    const count = values.length - first;
    const error = (squares - (sum * sum) / count) / (count * count);
    if (first <= limit && error <= least) [best, least] = [first, error];
  }
  return best;
}

function settledHits(series: PoolSeries, batches: number, limit: number): number {
  const queries = totals(series.prefixQueryTokens, series.samples);
  const hits = totals(series.prefixHitTokens, series.samples);
  const ratio = (from: number, to: number): number => {
    const [first, last] = [from * samplesPerBatch, to * samplesPerBatch - 1];
    return (hits(last) - hits(first)) / (queries(last) - queries(first));
  };
  const window = Math.max(1, Math.floor(batches * hitWindow));
  for (let batch = 0; batch < limit; batch++) {
    const gap = Math.abs(ratio(batch, batch + window) - ratio(batch, batches));
    // Without a query in the window nothing speaks against it.
    if (!(gap > hitTolerance)) return batch;
  }
  return limit;
}

/** Reads the sum over the replicas at a sample. */
function totals(values: Float64Array, samples: number): (sample: number) => number {
  const replicas = values.length / samples;
  return (sample) => {
    let sum = 0;
    for (let i = sample * replicas; i < (sample + 1) * replicas; i++) sum += values[i] as number;
    return sum;
  };
}
