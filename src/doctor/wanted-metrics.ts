import { type MetricSpec, parseMetricSpec } from "../lib/metric-spec.ts";
import type { ModelServerMetrics } from "../scrape/model-servers.ts";
import type { SignalName } from "../scrape/parse.ts";

/**
 * How the value of a metric is read.
 * - `count`, `ratio`: as the picker reads gauges of requests and of KV use
 * - `total`: a count that only grows
 * - `adapters`, `cache-labels`: the labels count, not the value
 * - `size`: a number of the KV cache's geometry
 */
export type MetricReading = "count" | "total" | "ratio" | "adapters" | "cache-labels" | "size";

/** One metric that the picker looks for on a page. */
export interface WantedMetric {
  readonly signal: SignalName;
  /** As the table of engines or the config writes it. */
  readonly text: string;
  readonly spec: MetricSpec;
  readonly reading: MetricReading;
}

/** What a model server's page should have, in the order of signals; several metrics may serve one signal. */
export function wantedMetrics(metrics: ModelServerMetrics): readonly WantedMetric[] {
  const running = metrics.runningIsTotal === true ? "total" : "count";
  const wanted: readonly (readonly [SignalName, string | undefined, MetricReading])[] = [
    ["waitingRequests", metrics.waitingRequests, "count"],
    ["runningRequests", metrics.runningRequests, running],
    ["kvCacheRatio", metrics.kvCacheRatio, "ratio"],
    ["adapters", metrics.adapters, "adapters"],
    ["cacheInfo", metrics.cacheInfo?.spec, "cache-labels"],
    ["cacheInfo", metrics.cacheBlockSize, "size"],
    ["cacheInfo", metrics.cacheBlocks, "size"],
  ];
  return wanted.flatMap(([signal, text, reading]) =>
    text === undefined ? [] : [{ signal, text, spec: parseMetricSpec(text), reading }],
  );
}
