import type { EndpointSignals } from "../datastore/endpoint.ts";
import { ageMs, confidenceOf, correctionOf, scrapedOf, type Signal } from "../datastore/signal.ts";
import type { SignalRecord, SignalsRecord } from "./decision-record.ts";

/** The signals of an endpoint at `nowMs` on the monotonic clock, as JSON. */
export function recordSignals(signals: EndpointSignals, nowMs: number): SignalsRecord {
  const { waitingRequests, runningRequests, kvCacheRatio, adapters, cacheInfo } = signals;
  const [loaded, cache] = [adapters.value, cacheInfo.value];
  return {
    waitingRequests: recordSignal(waitingRequests, nowMs),
    runningRequests: recordSignal(runningRequests, nowMs),
    kvCacheRatio: recordSignal(kvCacheRatio, nowMs),
    adapters:
      loaded === undefined
        ? null
        : {
            running: [...loaded.running],
            waiting: [...loaded.waiting],
            maxAdapters: finiteOrNull(loaded.maxAdapters),
            ageMs: recordAge(adapters, nowMs),
            source: adapters.source,
          },
    cache:
      cache === undefined
        ? null
        : {
            blockSizeTokens: finiteOrNull(cache.blockSizeTokens),
            blocks: finiteOrNull(cache.blocks),
            ageMs: recordAge(cacheInfo, nowMs),
          },
  };
}

function recordSignal(signal: Signal, nowMs: number): SignalRecord {
  return {
    value: finiteOrNull(signal.value),
    scraped: finiteOrNull(scrapedOf(signal)),
    ageMs: recordAge(signal, nowMs),
    correction: finiteOrNull(correctionOf(signal)),
    confidence: confidenceOf(signal),
    source: signal.source,
  };
}

/** Microseconds tell enough. */
function recordAge(signal: Signal<unknown>, nowMs: number): number | null {
  return finiteOrNull(Math.round(ageMs(signal, nowMs) * 1000) / 1000);
}

/** The number without the sign of zero, which JSON does not keep; null for what is unknown or not finite. */
export function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value + 0 : null;
}
