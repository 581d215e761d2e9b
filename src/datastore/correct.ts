import type { AdapterState, CacheInfo, EndpointSignals } from "./endpoint.ts";
import type { OwnSince } from "./ledger-account.ts";
import type { Signal } from "./signal.ts";

/** The signals that are corrected, each against its own sample: a page may lack a family that an earlier page had. */
export type CorrectedFamily = "waitingRequests" | "runningRequests" | "kvCacheRatio";

/** Per corrected signal what happened since its sample; undefined for a signal that was never sampled. */
export type OwnSinceSample = Readonly<Record<CorrectedFamily, OwnSince | undefined>>;

/** What this picker knows of its own requests at one endpoint. */
export interface OwnWork {
  readonly since: OwnSinceSample;
  /** Its streams that are open now, whenever dispatched. */
  readonly openRequests: number;
  /** Uncached prompt tokens of its requests whose answer has begun. */
  readonly residentTokens: number;
  /** Adapters that its open requests ask for. */
  readonly adapters: Iterable<string>;
  /** Of the requests dispatched since the sample, how many the engine is taken to have moved into its batch. */
  readonly absorbed: number;
  /** 0..1: how much of a correction is believed, from how corrections came true so far. */
  readonly trust: Readonly<Record<"requests" | "kvCacheRatio", number>>;
}

/**
 * The signals as decisions see them: what was scraped, moved by what this picker did since (DESIGN, decision 3).
 * - running = scraped - dispatched before and ended since, at least 0, + what the engine has absorbed;
 * - waiting = scraped + dispatched since, still open and not absorbed, at least what is open beyond the running ones: an engine
 *   writes its gauges once a step, so for two steps after a dispatch a sample may lack a request that our own stream still
 *   holds open. Both counts of own requests are scaled by trust;
 * - KV use = scraped + (uncached tokens dispatched - tokens ended) / capacity, at least the own tokens that lie there; only
 *   where the capacity is known; scaled by trust;
 * - adapters: those of own open requests are running where a slot is free, else waiting.
 * An absent count is the own open requests, where there are any. Unknown stays unknown, a total as it is. A signal without a correction is the scraped object itself, so that with fresh
 * metrics and nothing in flight every score equals the one of the scraped numbers.
 */
export function correctSignals(scraped: EndpointSignals, own: OwnWork): EndpointSignals {
  const isTotal = scraped.runningRequests.source === "total";
  const ended = own.since.runningRequests?.endedEarlier ?? 0;
  const absorbed = own.since.waitingRequests === undefined ? 0 : own.absorbed;
  const runningRequests = isTotal
    ? scraped.runningRequests
    : correctCount(scraped.runningRequests, own, absorbed - ended);
  const hidden = unseen(scraped, own, isTotal ? undefined : runningRequests);
  const waitingRequests = correctCount(scraped.waitingRequests, own, hidden);
  const kvCacheRatio = correctCache(scraped, own);
  const adapters = correctAdapters(scraped.adapters, own.adapters);
  const isUnchanged =
    waitingRequests === scraped.waitingRequests &&
    runningRequests === scraped.runningRequests &&
    kvCacheRatio === scraped.kvCacheRatio &&
    adapters === scraped.adapters;
  if (isUnchanged) return scraped;
  return { waitingRequests, runningRequests, kvCacheRatio, adapters, cacheInfo: scraped.cacheInfo };
}

/** Own requests that wait beyond those that the sample counts. */
function unseen(scraped: EndpointSignals, own: OwnWork, running: Signal | undefined): number {
  const dispatched = (own.since.waitingRequests?.dispatchedOpen ?? 0) - own.absorbed;
  const waiting = scraped.waitingRequests.value ?? 0;
  const notRunning = own.openRequests - (running?.value ?? Number.POSITIVE_INFINITY) - waiting;
  return own.trust.requests * Math.max(0, dispatched, notRunning);
}

function correctCache({ kvCacheRatio, cacheInfo }: EndpointSignals, own: OwnWork): Signal {
  const capacity = capacityTokens(cacheInfo.value);
  if (capacity === undefined || kvCacheRatio.value === undefined) return kvCacheRatio;
  const { dispatchedTokens = 0, endedTokens = 0 } = own.since.kvCacheRatio ?? {};
  const change = (own.trust.kvCacheRatio * (dispatchedTokens - endedTokens)) / capacity;
  const resident = (own.trust.kvCacheRatio * own.residentTokens) / capacity;
  const value = Math.min(1, Math.max(kvCacheRatio.value + change, resident));
  return moved(kvCacheRatio, value - kvCacheRatio.value);
}

/** Tokens that the KV cache holds; undefined when the server does not say. */
export function capacityTokens(cache: CacheInfo | undefined): number | undefined {
  if (cache?.blocks === undefined || cache.blockSizeTokens === undefined) return undefined;
  const tokens = cache.blocks * cache.blockSizeTokens;
  return tokens > 0 && Number.isFinite(tokens) ? tokens : undefined;
}

function correctAdapters(signal: Signal<AdapterState>, wanted: Iterable<string>): Signal<AdapterState> {
  const state = signal.value;
  if (state === undefined) return signal;
  let [running, waiting] = [state.running, state.waiting];
  for (const adapter of wanted) {
    if (running.has(adapter) || waiting.has(adapter)) continue;
    if (running.size + waiting.size < (state.maxAdapters ?? 0)) running = new Set([...running, adapter]);
    else waiting = new Set([...waiting, adapter]);
  }
  if (running === state.running && waiting === state.waiting) return signal;
  const value = { running, waiting, maxAdapters: state.maxAdapters };
  return { value, sampledAtMs: signal.sampledAtMs, source: "corrected", scraped: state };
}

function correctCount(signal: Signal, { openRequests }: OwnWork, by: number): Signal {
  if (signal.source !== "absent" || openRequests === 0) return moved(signal, by);
  return { value: openRequests, sampledAtMs: signal.sampledAtMs, source: "corrected", scraped: undefined };
}

function moved(signal: Signal, by: number): Signal {
  if (by === 0 || signal.value === undefined) return signal;
  const value = Math.max(0, signal.value + by);
  if (value === signal.value) return signal;
  return { value, sampledAtMs: signal.sampledAtMs, source: "corrected", scraped: signal.value };
}

/** Nothing done: signals stay as scraped. */
export const noWork: OwnWork = {
  since: { waitingRequests: undefined, runningRequests: undefined, kvCacheRatio: undefined },
  openRequests: 0,
  residentTokens: 0,
  adapters: [],
  absorbed: 0,
  trust: { requests: 1, kvCacheRatio: 1 },
};
