import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricsRegistry } from "./registry.ts";

/** What the gauges of the pool are computed from. */
export interface EndpointGauges {
  readonly name: string;
  readonly namespace: string;
  /** undefined: unknown, left out of means. */
  readonly waitingRequests: number | undefined;
  readonly runningRequests: number | undefined;
  readonly kvCacheRatio: number | undefined;
  readonly inFlightRequests: number;
  /** Infinity when never sampled; then left out. */
  readonly sampleAgeMs: number;
  readonly lastResort: boolean;
}

/** What the gauges of a pool need. */
export interface PoolGauges {
  /** Name of the pool. */
  readonly name: string;
  /** Age at which a sample is stale. */
  readonly stalenessMs: number;
  readonly read: () => readonly EndpointGauges[];
  /** How full the pool is; undefined: nobody says. */
  readonly saturation: () => number | undefined;
}

/** Fills the gauges of the pool from `read` whenever metrics are collected; nothing is computed between. */
export function exportPool(registry: MetricsRegistry, { name, stalenessMs, read, saturation }: PoolGauges): void {
  const m = registry.metrics;
  registry.onCollect(() => {
    const endpoints = read();
    for (const gauge of [m.perEndpointQueueSize, m.inflightRequests, m.sampleAge, m.lastResort]) gauge.reset();
    m.readyEndpoints.set({ name }, endpoints.length);
    const isDegraded = endpoints.length > 0 && endpoints.every(({ sampleAgeMs }) => sampleAgeMs >= stalenessMs);
    m.poolDegraded.set(isDegraded ? 1 : 0);
    const full = saturation();
    if (full !== undefined) m.poolSaturation.set({ inference_pool: name, stage: "effective" }, full);
    for (const endpoint of endpoints) exportEndpoint(m, name, endpoint);
    const columns = [
      [m.averageQueueSize, m.stdDevQueueSize, endpoints.map(({ waitingRequests }) => waitingRequests)],
      [m.averageRunningRequests, m.stdDevRunningRequests, endpoints.map(({ runningRequests }) => runningRequests)],
      [m.averageKvCacheUtilization, m.stdDevKvCacheUtilization, endpoints.map(({ kvCacheRatio }) => kvCacheRatio)],
    ] as const;
    for (const [average, deviation, values] of columns) {
      const { mean, standardDeviation } = describe(values);
      average.set({ name }, mean);
      deviation.set({ name }, standardDeviation);
    }
  });
}

function exportEndpoint(m: MetricsRegistry["metrics"], name: string, endpoint: EndpointGauges): void {
  const labels = { endpoint_name: endpoint.name, namespace: endpoint.namespace };
  m.inflightRequests.set(labels, endpoint.inFlightRequests);
  m.lastResort.set(labels, endpoint.lastResort ? 1 : 0);
  if (Number.isFinite(endpoint.sampleAgeMs)) m.sampleAge.set(labels, endpoint.sampleAgeMs / 1000);
  if (endpoint.waitingRequests !== undefined) {
    m.perEndpointQueueSize.set({ name, model_server_endpoint: endpoint.name }, endpoint.waitingRequests);
  }
}

/** Mean and population standard deviation of the known values; both 0 when none is known. */
function describe(values: readonly (number | undefined)[]): { mean: number; standardDeviation: number } {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return { mean: 0, standardDeviation: 0 };
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length;
  return { mean, standardDeviation: Math.sqrt(variance) };
}

/** Time between two looks of the histogram below. */
const lookMs = 20;

/**
 * Exports the delay of the event loop since the last collection. `histogram` holds nanoseconds from one look to the next, as
 * Node's own does: the wanted time between two looks is in every value, and is taken off. Returns the function that stops the
 * measurement.
 */
export function exportLoopLag(
  registry: MetricsRegistry,
  histogram: Pick<IntervalHistogram, "enable" | "disable" | "percentile" | "reset"> = monitorEventLoopDelay({
    resolution: lookMs,
  }),
): () => void {
  histogram.enable();
  registry.onCollect(() => {
    for (const quantile of [50, 99, 100]) {
      const lagSeconds = Math.max(0, histogram.percentile(quantile) / 1e9 - lookMs / 1000);
      registry.metrics.loopLag.set({ quantile: String(quantile / 100) }, lagSeconds);
    }
    histogram.reset();
  });
  return () => histogram.disable();
}
