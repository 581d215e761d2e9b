import type { Distribution } from "../generators/distributions.ts";
import type { HistogramName } from "./metric-names.ts";
import type { EndpointSeries, HistogramSeries } from "./recorded-metrics.ts";

/** Requests that came in a stretch of time at one endpoint. */
export interface OfferedInterval {
  readonly fromMs: number;
  readonly toMs: number;
  /** Those that ended, and by how many more were there at its end; at least 0, need not be whole. */
  readonly arrivals: number;
}

/** Lengths of prompts or answers. */
export interface RecordedLengths {
  /** Tokens, exactly as the totals have it. */
  readonly mean: number;
  /** Their shape. */
  readonly distribution: Distribution;
}

/** An adapter's share of the requests. */
export interface AdapterFrequency {
  readonly name: string;
  readonly share: number;
}

/** What the metrics of a pool say of its load. */
export interface OfferedLoad {
  /** First instant of all, ms since 1970. */
  readonly startMs: number;
  readonly intervals: readonly OfferedInterval[];
  readonly prompts: RecordedLengths;
  readonly outputs: RecordedLengths;
  /** Prompt tokens found in prefix caches over those looked up; 0 when nothing is shown. */
  readonly hitRatio: number;
  /** By name; empty: adapters were never shown. */
  readonly adapterShares: readonly AdapterFrequency[];
  /** Share of requests for the base model, which metrics do not show: instants without an adapter count for it. */
  readonly baseShare: number;
}

/** Reads the load off totals and gauges. Throws an error when they show no requests, or not how long they were. */
export function offeredLoad(endpoints: readonly EndpointSeries[]): OfferedLoad {
  const intervals = endpoints.flatMap(intervalsOf);
  const total = intervals.reduce((sum, { arrivals }) => sum + arrivals, 0);
  if (!(total >= 1)) {
    throw new Error(
      `Cannot draw a load: the metrics of ${endpoints.length} endpoints show ${total.toFixed(1)} requests, expected at least 1 (finished, running and waiting requests are needed)`,
    );
  }
  const queries = growth(endpoints, ({ counters }) => counters.prefixQueryTokens);
  const hits = growth(endpoints, ({ counters }) => counters.prefixHitTokens);
  return {
    startMs: intervals.reduce((first, { fromMs }) => Math.min(first, fromMs), Number.POSITIVE_INFINITY),
    intervals,
    prompts: lengthsOf(endpoints, "promptLength", "prompt tokens", ({ counters }) => counters.promptTokens),
    outputs: lengthsOf(endpoints, "generationLength", "generated tokens", ({ counters }) => counters.generationTokens),
    hitRatio: queries > 0 ? Math.min(1, hits / queries) : 0,
    ...adaptersOf(endpoints),
  };
}

function intervalsOf({ timesMs, gauges, counters }: EndpointSeries): OfferedInterval[] {
  // What came is what ended and what is there more than before; an instant at which that is not known is passed over.
  const seen = counters.finishedRequests.map(
    (finished, at) => finished + (gauges.running[at] as number) + zeroIfNone(gauges.waiting, at),
  );
  const known = [...seen.keys()].filter((at) => !Number.isNaN(seen[at]));
  const intervals: OfferedInterval[] = [];
  let debt = 0;
  for (const [i, at] of known.entries()) {
    if (i === 0) continue;
    const before = known[i - 1] as number;
    // A restart loses the requests that were there: less came than nothing, which later intervals make up for.
    const came = (seen[at] as number) - (seen[before] as number) + debt;
    debt = Math.min(0, came);
    intervals.push({ fromMs: timesMs[before] as number, toMs: timesMs[at] as number, arrivals: Math.max(0, came) });
  }
  return intervals;
}

/** Waiting requests, which an engine without that gauge does not show. */
function zeroIfNone(waiting: Float64Array, at: number): number {
  return waiting.every((value) => Number.isNaN(value)) ? 0 : (waiting[at] as number);
}

/** Growth of a total over the whole record, all endpoints together; 0 when nobody shows it. */
function growth(endpoints: readonly EndpointSeries[], read: (series: EndpointSeries) => Float64Array): number {
  return endpoints.reduce((sum, series) => sum + (lastKnown(read(series)) ?? 0) - (firstKnown(read(series)) ?? 0), 0);
}

function firstKnown(values: Float64Array): number | undefined {
  return values.find((value) => !Number.isNaN(value));
}

function lastKnown(values: Float64Array): number | undefined {
  return values.findLast((value) => !Number.isNaN(value));
}

function lengthsOf(
  endpoints: readonly EndpointSeries[],
  name: HistogramName,
  what: string,
  tokens: (series: EndpointSeries) => Float64Array,
): RecordedLengths {
  const histograms = endpoints.map((series) => series.histograms[name]);
  const counted = growth(endpoints, (series) => series.histograms[name].count);
  const summed = growth(endpoints, (series) => series.histograms[name].sum);
  const finished = growth(endpoints, ({ counters }) => counters.finishedRequests);
  const mean = counted > 0 && summed > 0 ? summed / counted : growth(endpoints, tokens) / finished;
  if (!(mean > 0 && mean < Number.POSITIVE_INFINITY)) {
    throw new Error(
      `Cannot draw a load: the metrics do not show ${what}, expected a histogram of lengths or totals of tokens`,
    );
  }
  const shape = counted > 0 ? shapeOf(histograms) : undefined;
  // Without a histogram: many short, few long, as public traces have it.
  return { mean, distribution: shape ?? { kind: "log-normal", mean, p99: 4 * mean, max: 20 * mean } };
}

/** Quantiles of buckets summed over endpoints; undefined without buckets. */
function shapeOf(histograms: readonly HistogramSeries[]): Distribution | undefined {
  const bounds = histograms.find((one) => one.bounds.length > 0)?.bounds ?? [];
  const upTo = bounds.map((bound) =>
    histograms.reduce((sum, one) => sum + grown(one.buckets[one.bounds.indexOf(bound)]), 0),
  );
  const total = upTo.at(-1) ?? 0;
  if (!(total > 0)) return undefined;
  const finite = bounds.filter((bound) => Number.isFinite(bound));
  const highest = (finite.at(-1) ?? 1) * 1.5;
  const [ratios, values] = [[0], [0]];
  for (const [i, bound] of bounds.entries()) {
    // Buckets above the longest are empty too, and no length is in them.
    if (ratios.at(-1) === 1) break;
    const ratio = (upTo[i] as number) / total;
    if (ratio <= (ratios.at(-1) as number)) {
      // An empty bucket moves the beginning of the next one that is not.
      values[values.length - 1] = Math.max(values.at(-1) as number, Math.min(bound, highest));
      continue;
    }
    ratios.push(ratio);
    values.push(Number.isFinite(bound) ? bound : highest);
  }
  return { kind: "quantiles", ratios, values };
}

function grown(values: Float64Array | undefined): number {
  if (values === undefined) return 0;
  return (lastKnown(values) ?? 0) - (firstKnown(values) ?? 0);
}

/** An adapter is asked for as often as it is among those shown, by instants; each instant counts once, shared by those shown. */
function adaptersOf(endpoints: readonly EndpointSeries[]): Pick<OfferedLoad, "adapterShares" | "baseShare"> {
  const weights = new Map<string, number>();
  let [instants, without] = [0, 0];
  for (const { adapters, gauges } of endpoints) {
    for (const [at, names] of adapters.entries()) {
      if (names === undefined || !((gauges.running[at] as number) > 0)) continue;
      instants++;
      if (names.length === 0) without++;
      for (const name of names) weights.set(name, (weights.get(name) ?? 0) + 1 / names.length);
    }
  }
  if (weights.size === 0) return { adapterShares: [], baseShare: 1 };
  const adapterShares = [...weights].map(([name, weight]) => ({ name, share: weight / instants }));
  return { adapterShares: adapterShares.toSorted((a, b) => (a.name < b.name ? -1 : 1)), baseShare: without / instants };
}
