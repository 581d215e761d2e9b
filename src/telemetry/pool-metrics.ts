import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { TrackRecord } from "../datastore/track-record.ts";
import { LabelCap, overflowLabel } from "./label-cap.ts";
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
  /** Joined a working pool not long ago. */
  readonly isNewcomer: boolean;
  readonly prefillTokens: number;
  /** Waiting and running requests as scraped last, less `inFlightRequests`; undefined where one of the two is unknown. */
  readonly driftRequests: number | undefined;
  /** undefined when it left the pool just now. */
  readonly learned: Pick<TrackRecord, "credit" | "residuals" | "trust"> | undefined;
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
    for (const gauge of ofEndpoints(m)) gauge.reset();
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

/** The gauges that lose their series when an endpoint leaves. */
function ofEndpoints(m: MetricsRegistry["metrics"]): { reset(): void }[] {
  const load = [m.perEndpointQueueSize, m.inflightRequests, m.sampleAge, m.prefillTokens, m.driftRequests];
  return [...load, m.lastResort, m.slowStart, m.credit, m.signalResidual, m.signalTrust];
}

function exportEndpoint(m: MetricsRegistry["metrics"], name: string, endpoint: EndpointGauges): void {
  const labels = { endpoint_name: endpoint.name, namespace: endpoint.namespace };
  m.inflightRequests.set(labels, endpoint.inFlightRequests);
  m.lastResort.set(labels, endpoint.lastResort ? 1 : 0);
  m.slowStart.set(labels, endpoint.isNewcomer ? 1 : 0);
  m.prefillTokens.set(labels, endpoint.prefillTokens);
  if (endpoint.driftRequests !== undefined) m.driftRequests.set(labels, endpoint.driftRequests);
  if (endpoint.learned !== undefined) exportLearned(m, labels, endpoint.learned);
  if (Number.isFinite(endpoint.sampleAgeMs)) m.sampleAge.set(labels, endpoint.sampleAgeMs / 1000);
  if (endpoint.waitingRequests !== undefined) {
    m.perEndpointQueueSize.set({ name, model_server_endpoint: endpoint.name }, endpoint.waitingRequests);
  }
}

function exportLearned(
  m: MetricsRegistry["metrics"],
  labels: Readonly<Record<string, string>>,
  { credit, residuals, trust }: NonNullable<EndpointGauges["learned"]>,
): void {
  m.credit.set(labels, credit);
  for (const [signal, residual] of Object.entries(residuals)) {
    if (residual !== undefined) m.signalResidual.set({ ...labels, signal }, residual);
  }
  for (const [of, share] of Object.entries(trust)) m.signalTrust.set({ ...labels, of }, share);
}

/**
 * Fills the gauge of bytes a token from `read`, pairs of a model and its ratio, whenever metrics are collected. Of the models
 * that ever were, the first 1000 have a series while they are read.
 */
export function exportBytesPerToken(registry: MetricsRegistry, read: () => Iterable<readonly [string, number]>): void {
  const cap = new LabelCap();
  const { bytesPerToken } = registry.metrics;
  registry.onCollect(() => {
    bytesPerToken.reset();
    for (const [model, ratio] of read()) {
      const label = cap.limit(model);
      // A ratio of several models would be of none.
      if (label !== overflowLabel) bytesPerToken.set({ target_model_name: label }, ratio);
    }
  });
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
