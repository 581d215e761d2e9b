import type { AdapterState, CacheInfo, EndpointSignals } from "./endpoint.ts";
import { type Signal, type SignalSource, unknownSignal } from "./signal.ts";

/** The signals that say how loaded a server is. */
export type LoadSignal = "waitingRequests" | "runningRequests" | "kvCacheRatio";

/**
 * One reading of a model server's metrics page. A family that the page does not have is absent (or undefined) and
 * keeps its last value and that value's age (protocol 5.2). `null` means the family was there with an unusable value
 * (NaN, infinite, out of range, unsupported type), which makes the signal unknown.
 */
export interface Sample {
  /** When the page was asked for, on the picker's monotonic clock. */
  readonly sampledAtMs: number;
  readonly waitingRequests?: number | null | undefined;
  readonly runningRequests?: number | null | undefined;
  /** `runningRequests` is what ever ran, not what runs now; default false. */
  readonly runningIsTotal?: boolean | undefined;
  /** 0..1. */
  readonly kvCacheRatio?: number | null | undefined;
  /** An undefined `maxAdapters` keeps the maximum known so far (protocol 10.6). */
  readonly adapters?: AdapterState | null | undefined;
  readonly cacheInfo?: CacheInfo | null | undefined;
  /**
   * Load signals that the server does not have: its engine has no such metric, or its page has none of its engine's metrics
   * at all. They count as absent until a page has them. A page that lacks only some of its metrics has none here: what it
   * never had is unknown. Default: none.
   */
  readonly absent?: readonly LoadSignal[];
}

/** The signals of an endpoint that was never scraped. */
export const unknownSignals: EndpointSignals = {
  waitingRequests: unknownSignal,
  runningRequests: unknownSignal,
  kvCacheRatio: unknownSignal,
  adapters: unknownSignal,
  cacheInfo: unknownSignal,
};

/** The scraped signals after `sample`; families the sample does not have are taken over from `before` as they are. */
export function applySample(before: EndpointSignals, sample: Sample): EndpointSignals {
  const { sampledAtMs } = sample;
  return {
    waitingRequests: nextLoad(before.waitingRequests, sample.waitingRequests, sample, "waitingRequests"),
    runningRequests: nextLoad(before.runningRequests, sample.runningRequests, sample, "runningRequests"),
    kvCacheRatio: nextLoad(before.kvCacheRatio, sample.kvCacheRatio, sample, "kvCacheRatio"),
    adapters: next(before.adapters, keepMaximum(before.adapters.value, sample.adapters), sampledAtMs),
    cacheInfo: next(before.cacheInfo, sample.cacheInfo, sampledAtMs),
  };
}

function nextLoad(before: Signal, value: number | null | undefined, sample: Sample, name: LoadSignal): Signal {
  const { sampledAtMs } = sample;
  const isTotal = name === "runningRequests" && sample.runningIsTotal === true;
  const signal = next(before, value, sampledAtMs, isTotal ? "total" : "scraped");
  const isAbsent = signal.value === undefined && sample.absent?.includes(name) === true;
  return isAbsent ? { value: undefined, sampledAtMs, source: "absent" } : signal;
}

function next<T>(
  before: Signal<T>,
  value: T | null | undefined,
  sampledAtMs: number,
  source: SignalSource = "scraped",
): Signal<T> {
  if (value === undefined) return before;
  if (value === null) return unknownSignal;
  return { value, sampledAtMs, source };
}

function keepMaximum(
  before: AdapterState | undefined,
  after: AdapterState | null | undefined,
): AdapterState | null | undefined {
  if (after === undefined || after === null || after.maxAdapters !== undefined) return after;
  return before?.maxAdapters === undefined ? after : { ...after, maxAdapters: before.maxAdapters };
}
