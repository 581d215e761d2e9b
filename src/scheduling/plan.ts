import type { EndpointId } from "../datastore/endpoint.ts";
import type { Filter, Picker, Producer, ProfileHandler, Scorer } from "./plugin.ts";
import type { Admitter, Detector, Preparer, Responder, Screener } from "./roles.ts";

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
  /** `parameters` as the picker's definition read them: with its type they are all it takes to make the same picker. */
  readonly picker: PluginIdentity & { readonly picker: Picker; readonly parameters: unknown };
}

/** Everything a config says about scheduling, instances made and references resolved. Frozen; producers keep what they learn. */
export interface SchedulingPlan {
  /** Those that some profile's plugin reads or is itself; each after those it reads. */
  readonly producers: readonly (PluginIdentity & { readonly producer: Producer })[];
  readonly profiles: readonly Profile[];
  /** `profileNames[i]`: name of `profiles[i]`. */
  readonly profileNames: readonly string[];
  readonly handler: PluginIdentity & { readonly handler: ProfileHandler };
  /** The following play their part whether or not a profile names them, in the order of the config. */
  readonly screeners: readonly (PluginIdentity & { readonly screener: Screener })[];
  readonly admitters: readonly (PluginIdentity & { readonly admitter: Admitter })[];
  readonly preparers: readonly (PluginIdentity & { readonly preparer: Preparer })[];
  readonly responders: readonly (PluginIdentity & { readonly responder: Responder })[];
  /** Says when the pool is full; undefined: nobody is asked, every request is admitted. */
  readonly detector: (PluginIdentity & { readonly detector: Detector }) | undefined;
  /** Request headers that some plugin reads, in lower case. */
  readonly requestHeaders: readonly string[];
}

/** Drops what the producers learned about an endpoint whose incarnation has left the pool. */
export function forgetEndpoint(plan: SchedulingPlan, id: EndpointId): void {
  for (const { producer } of plan.producers) producer.forget?.(id);
}

/**
 * Lets the producers of `plan` take over what those of `predecessor` learned, name by name and type by type: a config that
 * is reloaded forgets nothing that its plugins still use.
 */
export function adoptLearned(plan: SchedulingPlan, predecessor: SchedulingPlan): void {
  for (const { name, type, producer } of plan.producers) {
    const before = predecessor.producers.find((other) => other.name === name && other.type === type);
    if (before !== undefined) producer.adopt?.(before.producer);
  }
}
