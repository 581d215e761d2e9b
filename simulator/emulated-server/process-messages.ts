import type { ReplicaLoad } from "../replica/load.ts";
import type { EmulatedEndpoint } from "./endpoint-server.ts";
import type { EmulatedServersSpec, EndpointStats } from "./pool.ts";

/** What the parent tells a process of emulated servers. */
export type ToPoolProcess =
  /** The first message, once. `seed` drives ids and failures. */
  | { readonly kind: "start"; readonly spec: EmulatedServersSpec; readonly seed: number }
  | { readonly kind: "stats"; readonly id: number };

/** Load and totals of one endpoint. */
export interface EndpointReport {
  readonly name: string;
  readonly load: ReplicaLoad;
  readonly stats: EndpointStats;
}

/** What a process of emulated servers answers. */
export type FromPoolProcess =
  | { readonly kind: "ready"; readonly endpoints: readonly EmulatedEndpoint[] }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "stats"; readonly id: number; readonly reports: readonly EndpointReport[] };
