import type { EndpointSeries } from "./recorded-metrics.ts";

/** A stretch between two instants in which a server never idled, per step of its engine. */
export interface BusyInterval {
  /** Middle of the stretch, ms since 1970. */
  readonly atMs: number;
  readonly steps: number;
  /** Time a step took, ms. */
  readonly stepMs: number;
  /** Tokens generated a step: the requests that decoded. */
  readonly generated: number;
  /** Context tokens that decodes read a step, taken from the two ends. */
  readonly contextTokens: number;
  /** Prompt tokens computed a step. */
  readonly computed: number;
}

/** What the totals do not say. */
export interface IntervalOptions {
  /** Tokens of the KV cache; default: as the pages say. */
  readonly kvTokens?: number;
  /** Most tokens a step computes (`max_num_batched_tokens`), by which steps of prefill alone are counted. */
  readonly maxBatchedTokens: number;
}

/** Fewer steps than this say little, since the first and the last are cut. */
export const leastSteps = 5;

/**
 * Stretches of one endpoint that say how long its steps take; those without steps, or idle at an end, are left out. Steps are those
 * counted with output; where no count is shown, time over the mean time between tokens. A restart makes a stretch that is
 * far off, for the fit to see.
 */
export function busyIntervals(series: EndpointSeries, options: IntervalOptions): BusyInterval[] {
  const computed = computedTokens(series);
  const intervals: BusyInterval[] = [];
  for (let at = 1; at < series.timesMs.length; at++) {
    const interval = isBusy(series, at) ? readInterval(series, at, computed, options) : undefined;
    if (interval !== undefined) intervals.push(interval);
  }
  return intervals;
}

function isBusy({ gauges: { running }, counters: { generationTokens } }: EndpointSeries, at: number): boolean {
  const isRunning = (running[at] as number) > 0 && (running[at - 1] as number) > 0;
  return isRunning && growth(generationTokens, at) > 0;
}

/** Growth over the stretch that ends at instant `at`. */
function growth(values: Float64Array, at: number): number {
  return (values[at] as number) - (values[at - 1] as number);
}

function middle(values: Float64Array, at: number): number {
  return ((values[at] as number) + (values[at - 1] as number)) / 2;
}

function readInterval(
  series: EndpointSeries,
  at: number,
  computedTotal: Float64Array,
  options: IntervalOptions,
): BusyInterval | undefined {
  const { timesMs, gauges, counters } = series;
  const kvTokens = options.kvTokens ?? (series.kvBlocks ?? Number.NaN) * (series.blockSizeTokens ?? Number.NaN);
  const computed = growth(computedTotal, at);
  const steps = countSteps(series, at, computed, options);
  const interval = {
    atMs: middle(timesMs, at),
    steps,
    stepMs: growth(timesMs, at) / steps,
    generated: growth(counters.generationTokens, at) / steps,
    contextTokens: (middle(gauges.kvCacheRatio, at) * kvTokens) / uniqueShare(series, at),
    computed: computed / steps,
  };
  return steps >= leastSteps && Object.values(interval).every((value) => Number.isFinite(value)) ? interval : undefined;
}

function countSteps(
  { timesMs, histograms: { stepTokens, itlSeconds } }: EndpointSeries,
  at: number,
  computed: number,
  options: IntervalOptions,
): number {
  const counted = growth(stepTokens.count, at);
  if (!Number.isNaN(counted)) return counted + prefillOnlySteps(computed, counted, options);
  return (growth(timesMs, at) * growth(itlSeconds.count, at)) / (1000 * growth(itlSeconds.sum, at));
}

/** Prompt tokens computed: counted as such, or those of prompts less those found in the cache. */
function computedTokens({ counters, histograms }: EndpointSeries): Float64Array {
  const counted = histograms.computedPromptTokens.sum;
  if (counted.some((value) => !Number.isNaN(value))) return counted;
  return counters.promptTokens.map((tokens, at) => {
    const hits = counters.prefixHitTokens[at] as number;
    return Number.isNaN(hits) ? tokens : tokens - hits;
  });
}

/** The count of steps passes over those that gave no token: chunks that fill a step of their own. */
function prefillOnlySteps(computed: number, counted: number, { maxBatchedTokens }: IntervalOptions): number {
  return Math.max(0, Math.floor(computed / maxBatchedTokens) - counted);
}

/** Share of contexts that is stored in the stretch that ends at instant `at`. */
function uniqueShare({ counters }: EndpointSeries, at: number): number {
  return storedShare({
    hitRatio: growth(counters.prefixHitTokens, at) / growth(counters.prefixQueryTokens, at),
    promptTokens: growth(counters.promptTokens, at),
    answerTokens: growth(counters.generationTokens, at),
  });
}

/**
 * Share of contexts that is stored: what requests share is stored once and read by each. Prompts are taken to share at the ratio of
 * hits to queries, answers not at all. 1 where that is not known.
 */
export function storedShare(totals: {
  readonly hitRatio: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
}): number {
  const { hitRatio, promptTokens, answerTokens } = totals;
  if (!(hitRatio >= 0 && hitRatio <= 1) || !(promptTokens + answerTokens > 0)) return 1;
  return 1 - hitRatio * (promptTokens / (promptTokens + answerTokens / 2));
}
