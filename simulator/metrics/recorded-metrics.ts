import type { RowProblem } from "../traces/row-problems.ts";
import type { CounterName, GaugeName, HistogramName } from "./metric-names.ts";

/** A histogram over time. */
export interface HistogramSeries {
  /** Upper bounds of the buckets, ascending, the last one Infinity. */
  readonly bounds: readonly number[];
  /** `buckets[i][k]`: values up to `bounds[i]` at instant k, since the first instant; NaN unknown. Empty without buckets. */
  readonly buckets: readonly Float64Array[];
  /** By instant, since the first one that is known; NaN unknown. */
  readonly sum: Float64Array;
  readonly count: Float64Array;
}

/** What one endpoint showed. */
export interface EndpointSeries {
  /** Pod or address. */
  readonly endpoint: string;
  /** Instants, ms since 1970, ascending. Values below are by instant; NaN is unknown. */
  readonly timesMs: Float64Array;
  readonly gauges: Readonly<Record<GaugeName, Float64Array>>;
  /** Growth since the first known value; resets of the server are taken out. */
  readonly counters: Readonly<Record<CounterName, Float64Array>>;
  readonly histograms: Readonly<Record<HistogramName, HistogramSeries>>;
  /** Adapters that ran or waited at each instant; undefined unknown. */
  readonly adapters: readonly (readonly string[] | undefined)[];
  readonly blockSizeTokens: number | undefined;
  /** KV blocks of all ranks. */
  readonly kvBlocks: number | undefined;
  /** How often a total fell: restarts of the server. */
  readonly resets: number;
  /** Share of instants, of those at which requests ran, at which nothing differs from the instant before. */
  readonly repeatedRatio: number;
}

/** Metrics of a pool, as a file or folder has them. */
export interface RecordedMetrics {
  readonly source: string;
  /** Sorted by name. */
  readonly endpoints: readonly EndpointSeries[];
  /** Lines and files that could not be used. */
  readonly skipped: number;
  /** The first twenty of them. */
  readonly problems: readonly RowProblem[];
  /** What a user should know, each a sentence. */
  readonly notes: readonly string[];
}
