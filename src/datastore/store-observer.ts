import type { EndpointId, EndpointSpec } from "./endpoint.ts";
import type { Sample } from "./sample.ts";
import type { ContactOutcome } from "./store.ts";

/**
 * Hears of everything that a store is told and of every time it computes its snapshot anew: a store that is told the same in
 * the same order shows the same endpoints, to the bit. Called on the hot path, before the store acts.
 */
export interface StoreObserver {
  reset(specs: readonly EndpointSpec[]): void;
  upserted(spec: EndpointSpec): void;
  removed(id: EndpointId): void;
  announced(id: EndpointId, incarnation: string, nowMs: number): void;
  sampled(id: EndpointId, incarnation: string, sample: Sample): void;
  contacted(id: EndpointId, incarnation: string, outcome: ContactOutcome): void;
  /** The snapshot was computed as of `nowMs`. */
  described(nowMs: number): void;
}
