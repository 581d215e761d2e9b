import type { EndpointId } from "../datastore/endpoint.ts";
import type { Filter, Picker, Producer, ProfileHandler, Scorer } from "./plugin.ts";

/** Which configured plugin something is. */
export interface PluginIdentity {
  /** Name of the instance in the config. */
  readonly name: string;
  readonly type: string;
}

/** A set of filters, scorers and one picker, in the order of the config. */
export interface Profile {
  readonly name: string;
  readonly filters: readonly (PluginIdentity & { readonly filter: Filter })[];
  /** `weight` is finite; 0 and below are legal (protocol 10.7). */
  readonly scorers: readonly (PluginIdentity & { readonly scorer: Scorer; readonly weight: number })[];
  readonly picker: PluginIdentity & { readonly picker: Picker };
}

/** Everything a config says about scheduling, instances made and references resolved. Frozen; producers keep what they learn. */
export interface SchedulingPlan {
  /** Only those that some profile's plugin reads. */
  readonly producers: readonly (PluginIdentity & { readonly producer: Producer })[];
  readonly profiles: readonly Profile[];
  readonly handler: PluginIdentity & { readonly handler: ProfileHandler };
}

/** Drops what the producers learned about an endpoint whose incarnation has left the pool. */
export function forgetEndpoint(plan: SchedulingPlan, id: EndpointId): void {
  for (const { producer } of plan.producers) producer.forget?.(id);
}
