import { type AdapterState, type CacheInfo, type Endpoint, formatAddress } from "../../src/datastore/endpoint.ts";
import type { SharePosition } from "../../src/datastore/slow-start.ts";
import { type Signal, unknownSignal } from "../../src/datastore/signal.ts";

/** What a test says about an endpoint; every signal that is absent is unknown. */
export interface EndpointTraits {
  readonly incarnation?: string;
  readonly host?: string;
  readonly port?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly waiting?: number;
  readonly running?: number;
  readonly kv?: number;
  readonly adapters?: Partial<AdapterState>;
  readonly cache?: Partial<CacheInfo>;
  readonly sampledAtMs?: number;
  readonly inFlight?: number;
  readonly prefillTokens?: number;
  readonly lastResort?: boolean;
  readonly slowStart?: SharePosition;
}

/** An endpoint `default/NAME` with scraped signals. */
export function anEndpoint(name: string, traits: EndpointTraits = {}): Endpoint {
  const { host = "10.0.0.1", port = 8000, sampledAtMs = 0, adapters, cache } = traits;
  const signal = <T>(value: T | undefined): Signal<T> =>
    value === undefined ? unknownSignal : { value, sampledAtMs, source: "scraped" };
  return {
    id: `default/${name}`,
    incarnation: traits.incarnation ?? `${name}-1`,
    name,
    namespace: "default",
    host,
    port,
    address: formatAddress(host, port),
    labels: traits.labels ?? {},
    inFlightRequests: traits.inFlight ?? 0,
    prefillTokens: traits.prefillTokens ?? 0,
    lastResort: traits.lastResort ?? false,
    slowStart: traits.slowStart,
    signals: {
      waitingRequests: signal(traits.waiting),
      runningRequests: signal(traits.running),
      kvCacheRatio: signal(traits.kv),
      adapters: signal(
        adapters && { running: new Set<string>(), waiting: new Set<string>(), maxAdapters: undefined, ...adapters },
      ),
      cacheInfo: signal(cache && { blockSizeTokens: undefined, blocks: undefined, ...cache }),
    },
  };
}
