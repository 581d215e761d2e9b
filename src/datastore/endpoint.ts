import type { Signal } from "./signal.ts";
import type { SharePosition } from "./slow-start.ts";

/** Name of an endpoint within the pool, `namespace/name`; a pod that comes back under its name has the same id. */
export type EndpointId = string;

/** What discovery says about one endpoint: one ip:port that serves. */
export interface EndpointSpec {
  readonly id: EndpointId;
  /** Life of the process behind the id: differs when the pod was replaced or its address changed. In-flight counts and learned state hang on it. */
  readonly incarnation: string;
  readonly name: string;
  readonly namespace: string;
  /** IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port` as the destination header carries it, IPv6 in brackets. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** LoRA adapters of an endpoint, from the newest `lora_requests_info` series (protocol 5.2). */
export interface AdapterState {
  readonly running: ReadonlySet<string>;
  readonly waiting: ReadonlySet<string>;
  /** Adapters that fit in one batch; undefined when the series does not say. */
  readonly maxAdapters: number | undefined;
}

/** Geometry of the KV cache. */
export interface CacheInfo {
  /** Tokens a block holds. */
  readonly blockSizeTokens: number | undefined;
  readonly blocks: number | undefined;
}

/** Everything known about the load of one endpoint. */
export interface EndpointSignals {
  /** Requests in the engine's queue. */
  readonly waitingRequests: Signal;
  /** Requests in the engine's batch. */
  readonly runningRequests: Signal;
  /** Share of KV blocks referenced by running requests, 0..1. */
  readonly kvCacheRatio: Signal;
  readonly adapters: Signal<AdapterState>;
  readonly cacheInfo: Signal<CacheInfo>;
}

/** An endpoint as a scheduling decision sees it. Immutable: a change replaces the object. */
export interface Endpoint extends EndpointSpec {
  readonly signals: EndpointSignals;
  /** Requests this picker sent there whose streams are still open. */
  readonly inFlightRequests: number;
  /** Uncached prompt tokens of those whose answer has not begun: work ahead of a new prompt. */
  readonly prefillTokens: number;
  /**
   * Its serving port refused or reset the connection twice in a row and has not answered since: to be picked only when
   * no other candidate is left.
   */
  readonly lastResort: boolean;
  /** Where it stands with its share of requests, when it joined a working pool not long ago; undefined: it is no newcomer. */
  readonly slowStart: SharePosition | undefined;
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
