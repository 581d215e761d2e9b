import type { HistogramName } from "../metrics/metric-names.ts";
import type { EndpointSeries, HistogramSeries } from "../metrics/recorded-metrics.ts";
import { HeldValue } from "../statistics/held-value.ts";
import { type Distribution, distributionOfBuckets } from "./distribution.ts";
import type { PoolObservation } from "./gate.ts";
import { observeServers } from "./observe-servers.ts";
import type { GaugeKey, Slices } from "./pool-curves.ts";

/**
 * What metrics show of a pool within a window whose 0 is at `offsetMs`, ms since 1970. Latencies are histograms of what ended within
 * it, as servers count: from the arrival at the server on. TPOT is not among them.
 */
export function observeMetrics(
  endpoints: readonly EndpointSeries[],
  window: Slices,
  offsetMs: number,
): PoolObservation {
  const spread = (name: HistogramName): Distribution | undefined =>
    distributionWithin(endpoints, name, { fromMs: offsetMs + window.fromMs, toMs: offsetMs + window.toMs });
  const latencies = {
    ttftMs: spread("ttftSeconds"),
    itlMs: spread("itlSeconds"),
    tpotMs: undefined,
    e2eMs: spread("e2eSeconds"),
  };
  return observeServers(endpoints.map(serverOf), latencies, { window, offsetMs });
}

/** Median time between two instants of an endpoint, ms; NaN with none. */
export function usualGapMs(endpoints: readonly EndpointSeries[]): number {
  const gaps = endpoints.flatMap(({ timesMs }) =>
    [...timesMs.subarray(1)].map((atMs, i) => atMs - (timesMs[i] ?? atMs)),
  );
  return gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? Number.NaN;
}

function serverOf({ timesMs, gauges }: EndpointSeries): Readonly<Record<GaugeKey, HeldValue>> {
  const held = (values: Float64Array): HeldValue =>
    new HeldValue([...timesMs].map((atMs, at) => ({ atMs, value: values[at] as number })));
  return { running: held(gauges.running), waiting: held(gauges.waiting), kvCacheRatio: held(gauges.kvCacheRatio) };
}

interface Within {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Values that a histogram of all endpoints took in within a stretch; undefined without buckets or values. */
function distributionWithin(
  endpoints: readonly EndpointSeries[],
  name: HistogramName,
  within: Within,
): Distribution | undefined {
  const shown = endpoints.filter(({ histograms }) => histograms[name].bounds.length > 0);
  // Of servers with other buckets only the bounds that all have can be summed.
  const bounds = (shown[0]?.histograms[name].bounds ?? []).filter((bound) =>
    shown.every(({ histograms }) => histograms[name].bounds.includes(bound)),
  );
  const total = (read: (histogram: HistogramSeries) => Float64Array | undefined): number =>
    shown.reduce((sum, { timesMs, histograms }) => sum + growthWithin(timesMs, read(histograms[name]), within), 0);
  const upTo = bounds.map((bound) => total((one) => one.buckets[one.bounds.indexOf(bound)]));
  const mean = (1000 * total(({ sum }) => sum)) / total(({ count }) => count);
  return distributionOfBuckets(
    bounds.map((bound) => bound * 1000),
    upTo,
    mean,
  );
}

/** Growth of a total from the last known value up to `fromMs` (else the first) to the last one up to `toMs`; 0 without. */
function growthWithin(timesMs: Float64Array, values: Float64Array | undefined, { fromMs, toMs }: Within): number {
  if (values === undefined) return 0;
  const lastBy = (ms: number): number | undefined =>
    values.findLast((value, at) => !Number.isNaN(value) && (timesMs[at] as number) <= ms);
  const first = lastBy(fromMs) ?? values.find((value) => !Number.isNaN(value)) ?? 0;
  return Math.max(0, (lastBy(toMs) ?? first) - first);
}
