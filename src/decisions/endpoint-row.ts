import type { Endpoint, EndpointSignals, EndpointSpec } from "../datastore/endpoint.ts";
import { confidenceOf, scrapedOf, type Signal, type SignalSource, unknownSignal } from "../datastore/signal.ts";

/** The signals that are one number each; the others are kept as they are. */
const families = ["waitingRequests", "runningRequests", "kvCacheRatio"] as const;
const sources: readonly SignalSource[] = ["scraped", "corrected", "blended", "total", "absent", "unknown"];
const positions: readonly Endpoint["slowStart"][] = [undefined, "ahead", "even", "behind"];
const signalLength = 5;

/** Numbers of an endpoint in a row. */
export const rowLength = families.length * signalLength + 3;

/** Writes what changes of an endpoint from one decision to the next, beside adapters and cache geometry, from `at` on. */
export function writeRow(block: Float64Array, at: number, endpoint: Endpoint): void {
  let next = at;
  for (const family of families) {
    const signal = endpoint.signals[family];
    block[next++] = signal.value ?? Number.NaN;
    block[next++] = scrapedOf(signal) ?? Number.NaN;
    block[next++] = signal.sampledAtMs;
    block[next++] = confidenceOf(signal);
    block[next++] = sources.indexOf(signal.source);
  }
  block[next++] = endpoint.inFlightRequests;
  block[next++] = endpoint.prefillTokens;
  block[next] = (endpoint.lastResort ? 1 : 0) + 2 * positions.indexOf(endpoint.slowStart);
}

/** The endpoint as it was when its row was written. */
export function readRow(
  block: Float64Array,
  at: number,
  spec: EndpointSpec,
  kept: Pick<EndpointSignals, "adapters" | "cacheInfo">,
): Endpoint {
  const [waitingRequests, runningRequests, kvCacheRatio] = families.map((_, i) =>
    readSignal(block, at + i * signalLength),
  );
  const rest = at + families.length * signalLength;
  const flags = block[rest + 2] ?? 0;
  return {
    ...spec,
    inFlightRequests: block[rest] ?? 0,
    prefillTokens: block[rest + 1] ?? 0,
    lastResort: flags % 2 === 1,
    slowStart: positions[flags >> 1],
    signals: {
      waitingRequests: waitingRequests ?? unknownSignal,
      runningRequests: runningRequests ?? unknownSignal,
      kvCacheRatio: kvCacheRatio ?? unknownSignal,
      ...kept,
    },
  };
}

function readSignal(block: Float64Array, at: number): Signal {
  const source = sources[block[at + 4] ?? -1] ?? "unknown";
  if (source === "unknown") return unknownSignal;
  const [value, scraped] = [known(block[at]), known(block[at + 1])];
  return { value, scraped, sampledAtMs: block[at + 2] ?? 0, confidence: block[at + 3] ?? 0, source };
}

function known(value: number | undefined): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
