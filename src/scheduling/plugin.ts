import type { Endpoint, EndpointId, EndpointSignals } from "../datastore/endpoint.ts";
import type { TokenEstimate } from "../datastore/token-estimator.ts";
import type { Random } from "../lib/random.ts";
import type { z } from "../lib/schema.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Denial } from "./denial.ts";
import type { Admitter, Detector, Preparer, Responder, Screener } from "./roles.ts";

/**
 * One scheduling decision under way. Everything a plugin may look at: no clock, no I/O, no globals. `nowMs` is the time
 * of the decision on the picker's monotonic clock.
 */
export interface Cycle {
  readonly request: InferenceRequest;
  /** How long prompt and answer are taken to be. */
  readonly tokens: TokenEstimate;
  readonly nowMs: number;
  readonly random: Random;
  /** What producers found out for this request, by plugin name. */
  readonly produced: Map<string, unknown>;
}

/** Learns from dispatched requests and prepares data that filters and scorers of the same cycle read. */
export interface Producer {
  /** Called before the filters, with every candidate; the result is put into `cycle.produced` under the plugin's name. */
  produce(cycle: Cycle, candidates: readonly Endpoint[]): unknown;
  /**
   * Called after the decision, with the endpoint that was picked; the follower hears how the request goes on. A producer is
   * called before those it reads: what they found out is still what the decision saw.
   */
  dispatched?(cycle: Cycle, picked: Endpoint): Follower | undefined;
  /** Called when an endpoint's incarnation has left the pool. */
  forget?(id: EndpointId): void;
  /**
   * Takes over what `predecessor` has learned: the producer of the same name and type in the config that this one's
   * replaces. Followers of the predecessor go on reporting to it, so what they report must reach both.
   */
  adopt?(predecessor: Producer): void;
}

/** How a dispatched request ended. `moved`: the host sent it to another endpoint, which has a follower of its own. */
export type EndCause = "completed" | "client-disconnect" | "error" | "moved";

/** Hears how one dispatched request goes on. */
export interface Follower {
  /** The first byte of the response's body has come; called once at most. */
  firstByte?(): void;
  /** The request is over; called once, whatever the way. */
  ended(cause: EndCause): void;
}

/**
 * What a plugin that removes endpoints tells the decision record of each: the value it decided on. Asked right after the
 * decision, once for every endpoint that it removed, so it returns what is there already, a number or a label's text, and
 * builds no text.
 */
export interface Removing {
  /** What the value is, such as "waiting requests" or "label tier"; default: the record names the plugin alone. */
  readonly looksAt?: string;
  /** The value on an endpoint that was removed; undefined when it is unknown. */
  found?(cycle: Cycle, endpoint: Endpoint): number | string | undefined;
}

/** Removes candidates: returns those that stay, in their order. */
export interface Filter extends Removing {
  filter(cycle: Cycle, candidates: readonly Endpoint[]): readonly Endpoint[];
}

/**
 * Where a scorer writes. `raw[i]` is what it looked at (its own unit, NaN for unknown) and `score[i]` the rating of
 * `candidates[i]`: 0 worst to 1 best, NaN when the scorer cannot rate it. Both hold at least `candidates.length` numbers;
 * `raw` starts as NaN, `score` as 0. Afterwards schedule() clamps scores to 0..1 and gives those that are NaN the mean of
 * the others (0.5 when there are none): what is unknown is neither best nor worst.
 */
export interface Ratings {
  readonly raw: Float64Array;
  readonly score: Float64Array;
}

/** Rates every candidate. */
export interface Scorer {
  /** The signal that `raw` is, where it is one: the decision record shows its age and correction beside it. */
  readonly signal?: keyof EndpointSignals;
  score(cycle: Cycle, candidates: readonly Endpoint[], ratings: Ratings): void;
}

/** Chooses among rated candidates. */
export interface Picker {
  /**
   * `totals[i]` is the weighted sum of `candidates[i]`. Returns indices into `candidates`, best first, at least one when
   * there is a candidate and never one twice. A function of `cycle.random`, the number of candidates and their totals
   * alone, so that a decision can be repeated from its record.
   */
  pick(cycle: Cycle, candidates: readonly Endpoint[], totals: Float64Array): readonly number[];
}

/** Decides which profiles run. */
export interface ProfileHandler {
  /** Name of the profile that gives the destination, or why none does. */
  primary(cycle: Cycle, profileNames: readonly string[]): string | Denial;
  /** Address that the request is sent to instead of the picked endpoint's own, for servers with one port for several ranks. */
  address?(picked: Endpoint): string;
}

/** What one configured plugin can do; a plugin may play several roles. */
export interface PluginRoles {
  readonly producer?: Producer;
  readonly filter?: Filter;
  readonly scorer?: Scorer;
  readonly picker?: Picker;
  readonly profileHandler?: ProfileHandler;
  readonly screener?: Screener;
  readonly admitter?: Admitter;
  readonly preparer?: Preparer;
  readonly responder?: Responder;
  readonly detector?: Detector;
}

/** What a plugin's factory is given. */
export interface PluginEnvironment {
  /** Name of the instance: `plugins[].name`, or the type. */
  readonly name: string;
  /** Name of the instance that meets the requirement for `type`; throws a TypeError for a type that `requires` lacks. */
  readonly required: (type: string) => string;
  /** Like `required`, for an optional requirement: undefined when nothing meets it. */
  readonly available: (type: string) => string | undefined;
  /** Secret of this process for keyed hashes: nobody outside can aim for collisions. */
  readonly hashKey: bigint;
}

/** Another plugin whose findings a plugin reads. */
export interface Requirement {
  /** Type of that plugin; an instance with defaults is added when the config has none. */
  readonly type: string;
  /**
   * Parameter that may name the instance, by its name or its path; without it there must be one instance at most, or one
   * named like its type.
   */
  readonly parameter?: string | readonly PropertyKey[];
  /** Met only by an instance that the parameter names, that the config has, or that another plugin needs; default false. */
  readonly isOptional?: boolean;
}

/** What a plugin decides by: a signal of the endpoints, or the prompt of the request. */
export type PluginInput = keyof EndpointSignals | "prompt";

/** A plugin type: how it is named in a config, which parameters it takes and how an instance is made. */
export interface PluginDefinition<P = unknown> {
  /** Type name as in EndpointPickerConfig, kebab-case (protocol 6.4-6.7). */
  readonly type: string;
  /** One sentence for docs and `epp check`. */
  readonly summary: string;
  /** Strict schema of `parameters`; unknown keys are problems. */
  readonly parameters: z.ZodType<P>;
  /** Plugins that must run before this one; a function where they depend on the parameters. */
  readonly requires?: readonly Requirement[] | ((parameters: P) => readonly Requirement[]);
  /** What it decides by, when all it does depends on it: where none of it is ever known, the plugin decides nothing. */
  readonly reads?: readonly PluginInput[];
  /** Alpha upstream: loads only with `--allow-experimental-plugins`. */
  readonly experimental?: boolean;
  /** A former name or plugin that still works: what to write instead; shown as a warning. */
  readonly deprecated?: string;
  /** Roles an instance will have, known before it is made; none for types that are named in a config but decide nothing. */
  readonly roles: readonly (keyof PluginRoles)[];
  create(parameters: P, environment: PluginEnvironment): PluginRoles;
  /** Request headers that an instance reads from `request.headers`, in lower case; none when absent. */
  headersRead?(parameters: P): readonly string[];
  /** What a user should know about a legal choice of parameters, if anything; shown as a warning. */
  caution?(parameters: P): Caution | undefined;
  /** For profile handlers: why it cannot run these profiles, if it cannot; a problem of the config. */
  refuseProfiles?(parameters: P, profileNames: readonly string[]): ProfileRefusal | undefined;
}

/** A profile handler cannot run the profiles of its config. */
export interface ProfileRefusal {
  /** The parameter that is wrong; undefined: the handler itself. */
  readonly parameter: string | undefined;
  /** What was found and what is expected. */
  readonly message: string;
}

/** The plugins that must run before an instance with these parameters. */
export function requirementsOf(
  { requires = [] }: Pick<PluginDefinition, "requires">,
  parameters: unknown,
): readonly Requirement[] {
  return typeof requires === "function" ? requires(parameters) : requires;
}

/** A warning about one parameter. */
export interface Caution {
  readonly parameter: string;
  readonly message: string;
}

/** Keeps the parameter type through inference while the registry holds definitions of many types. */
export function definePlugin<P>(definition: PluginDefinition<P>): PluginDefinition {
  return definition as unknown as PluginDefinition;
}
