import type { Endpoint } from "../datastore/endpoint.ts";
import { defaultBytesPerToken, type TokenEstimate } from "../datastore/token-estimator.ts";
import type { Random } from "../lib/random.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Denial } from "./denial.ts";
import type { PluginIdentity, Profile, SchedulingPlan } from "./plan.ts";
import type { Cycle, EndCause, Follower, Ratings } from "./plugin.ts";
import { Scratch } from "./scratch.ts";
import { keepShares } from "./keep-shares.ts";

/** Score of every candidate in a scorer that could rate none. */
const neutralScore = 0.5;

/** What a decision depends on beside the request and the endpoints. */
export interface ScheduleContext {
  /** Time of the decision on the picker's monotonic clock. */
  readonly nowMs: number;
  readonly random: Random;
  readonly plan: SchedulingPlan;
  /** How long the request is taken to be; default: its prompt at 4 bytes a token, its answer at its bound. */
  readonly tokens?: TokenEstimate;
  /** Kept by the caller between decisions; a fresh one is made when absent. */
  readonly scratch?: Scratch;
}

/**
 * How a decision came about. The ratings, totals and draws lie in the scratch: they hold until the next decision that uses
 * it. `explain()` copies them.
 */
export interface Trace {
  readonly profile: Profile;
  /** Endpoints the decision was offered. */
  readonly offered: readonly Endpoint[];
  /** `kept[i]`: what filter i of the profile left; shorter than the filters when one left nothing. */
  readonly kept: readonly (readonly Endpoint[])[];
  /** Endpoints that every filter left. */
  readonly filtered: readonly Endpoint[];
  /** Those of them that the shares of newcomers leave, in order: what the arrays below are about. */
  readonly candidates: readonly Endpoint[];
  /** `ratings[s].raw[i]`, `.score[i]`: scorer s of the profile on candidate i; scores are settled: in 0..1, none NaN. */
  readonly ratings: readonly Ratings[];
  /** `totals[i]`: sum of weight x score over the scorers, in the order of the profile. */
  readonly totals: Float64Array;
  /** Random numbers drawn, in order. */
  readonly draws: readonly number[];
  /** Indices into `candidates`, best first; empty when none was left. */
  readonly picked: readonly number[];
}

/** What every decision leaves, whatever its end. */
export interface Course {
  readonly plan: SchedulingPlan;
  readonly cycle: Cycle;
  /** `screened[i]`: what screener i of the plan left; shorter than the screeners when one left nothing. */
  readonly screened: readonly (readonly Endpoint[])[];
  /** Random numbers drawn, in order; they hold until the next decision that uses the scratch. */
  readonly draws: readonly number[];
}

/** A decision for an endpoint. */
export interface Picked extends Course {
  readonly kind: "picked";
  /** Best first, at least one; the first is the destination. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly trace: Trace;
}

/** No endpoint could be picked: none was offered, or `by`, a screener or a filter, removed the last one. */
export interface NonePicked extends Course {
  readonly kind: "none";
  readonly reason: "no-endpoints" | "all-screened" | "all-filtered";
  /** The plugin that left nothing. */
  readonly by: PluginIdentity | undefined;
  /** undefined when nothing was filtered or rated. */
  readonly trace: Trace | undefined;
}

/** A plugin refused the request. */
export interface Denied extends Course {
  readonly kind: "denied";
  readonly denial: Denial;
  readonly by: PluginIdentity;
}

/** How a scheduling decision ends. */
export type Scheduled = Picked | NonePicked | Denied;

/**
 * Decides where a request goes (protocol 1.10, 6.3): screeners, producers, admitters, then the profile that the handler
 * names: its filters in order, its scorers, its picker. Synchronous and a function of its arguments and of what the plan's
 * producers have learned from `noteDispatched`; it changes neither.
 */
export function schedule(
  request: InferenceRequest,
  endpoints: readonly Endpoint[],
  context: ScheduleContext,
): Scheduled {
  const { plan, scratch = new Scratch() } = context;
  const cycle = startCycle(request, context, scratch.draws);
  const screened: (readonly Endpoint[])[] = [];
  const course: Course = { plan, cycle, screened, draws: scratch.draws };
  if (endpoints.length === 0) {
    return { ...course, kind: "none", reason: "no-endpoints", by: undefined, trace: undefined };
  }
  let offered = endpoints;
  const { screeners, producers, admitters } = plan;
  // By index here and below: a plan is frozen, and the engine has no fast way to iterate over a frozen array.
  for (let i = 0; i < screeners.length; i++) {
    const { name, type, screener } = screeners[i] as SchedulingPlan["screeners"][number];
    offered = screener.screen(cycle, offered);
    screened.push(offered);
    if (offered.length > 0) continue;
    return { ...course, kind: "none", reason: "all-screened", by: { name, type }, trace: undefined };
  }
  for (let i = 0; i < producers.length; i++) {
    const { name, producer } = producers[i] as SchedulingPlan["producers"][number];
    cycle.produced.set(name, producer.produce(cycle, offered));
  }
  for (let i = 0; i < admitters.length; i++) {
    const { name, type, admitter } = admitters[i] as SchedulingPlan["admitters"][number];
    const denial = admitter.admit(cycle, offered);
    if (denial !== undefined) return { ...course, kind: "denied", denial, by: { name, type } };
  }
  const profile = primaryProfile(plan, cycle);
  if ("kind" in profile) {
    const { name, type } = plan.handler;
    return { ...course, kind: "denied", denial: profile, by: { name, type } };
  }
  return pick(profile, course, offered, scratch);
}

function pick(profile: Profile, course: Course, offered: readonly Endpoint[], scratch: Scratch): Picked | NonePicked {
  const { plan, cycle, screened } = course;
  const kept = runFilters(profile, cycle, offered);
  const filtered = kept[kept.length - 1] ?? offered;
  const candidates = keepShares(filtered);
  rate(profile, cycle, candidates, scratch);
  const picked = candidates.length === 0 ? [] : profile.picker.picker.pick(cycle, candidates, scratch.totals);
  const { ratings, totals, draws } = scratch;
  const trace: Trace = { profile, offered, kept, filtered, candidates, ratings, totals, draws, picked };
  const first = picked[0];
  if (first === undefined) {
    return { ...course, kind: "none", reason: "all-filtered", by: profile.filters[kept.length - 1], trace };
  }
  const endpoints: [Endpoint, ...Endpoint[]] = [candidates[first] as Endpoint];
  for (let i = 1; i < picked.length; i++) endpoints.push(candidates[picked[i] as number] as Endpoint);
  // Field by field, since a spread is slow and this is the way of nearly every request.
  return { plan, cycle, screened, draws, kind: "picked", endpoints, trace };
}

/**
 * Lets the producers learn that the request goes to `to`, by default the first of the decision. Call once for each
 * endpoint it goes to, when it is forwarded. The followers must be told how it goes on. Producers learn before those they
 * read, so that none sees what another learned from the same request.
 */
export function noteDispatched(plan: SchedulingPlan, { cycle, endpoints }: Picked, to = endpoints[0]): Follower[] {
  return noteSent(plan, cycle, to);
}

/** As `noteDispatched`, for who keeps nothing of the decision but its cycle. */
export function noteSent(plan: SchedulingPlan, cycle: Cycle, endpoint: Endpoint): Follower[] {
  const followers: Follower[] = [];
  for (let i = plan.producers.length - 1; i >= 0; i--) {
    const follower = plan.producers[i]?.producer.dispatched?.(cycle, endpoint);
    if (follower !== undefined) followers.push(follower);
  }
  return followers;
}

/** Tells followers that the request is over. */
export function noteEnded(followers: readonly Follower[], cause: EndCause): void {
  for (const follower of followers) follower.ended(cause);
}

function startCycle(request: InferenceRequest, context: ScheduleContext, draws: number[]): Cycle {
  const { nowMs, random, tokens = defaultEstimate(request) } = context;
  draws.length = 0;
  const recorded = (): number => {
    const drawn = random();
    draws.push(drawn);
    return drawn;
  };
  return { request, tokens, nowMs, random: recorded, produced: new Map() };
}

function defaultEstimate({ promptBytes, maxOutputTokens }: InferenceRequest): TokenEstimate {
  return { inputTokens: Math.ceil(promptBytes / defaultBytesPerToken), outputTokens: maxOutputTokens };
}

function primaryProfile({ profiles, profileNames, handler }: SchedulingPlan, cycle: Cycle): Profile | Denial {
  const name = handler.handler.primary(cycle, profileNames);
  if (typeof name !== "string") return name;
  const profile = profiles[profileNames.indexOf(name)];
  if (profile !== undefined) return profile;
  const expected = profileNames.join(", ");
  throw new TypeError(`Cannot run profile "${name}": handler "${handler.name}" expected one of ${expected}`);
}

function runFilters({ filters }: Profile, cycle: Cycle, endpoints: readonly Endpoint[]): (readonly Endpoint[])[] {
  const kept: (readonly Endpoint[])[] = [];
  let left = endpoints;
  for (let i = 0; i < filters.length && left.length > 0; i++) {
    left = (filters[i] as Profile["filters"][number]).filter.filter(cycle, left);
    kept.push(left);
  }
  return kept;
}

function rate({ scorers }: Profile, cycle: Cycle, candidates: readonly Endpoint[], scratch: Scratch): void {
  scratch.prepare(candidates.length, scorers.length);
  const { totals } = scratch;
  for (let index = 0; index < scorers.length; index++) {
    const { scorer, weight } = scorers[index] as Profile["scorers"][number];
    const ratings = scratch.ratings[index] as Ratings;
    scorer.score(cycle, candidates, ratings);
    settle(ratings.score, candidates.length);
    for (let i = 0; i < candidates.length; i++) {
      totals[i] = (totals[i] as number) + (ratings.score[i] as number) * weight;
    }
  }
}

/** Clamps to 0..1 and gives what was not rated the mean of what was. */
function settle(scores: Float64Array, count: number): void {
  let sum = 0;
  let rated = 0;
  for (let i = 0; i < count; i++) {
    const score = scores[i] as number;
    if (Number.isNaN(score)) continue;
    const clamped = Math.min(1, Math.max(0, score));
    scores[i] = clamped;
    sum += clamped;
    rated++;
  }
  if (rated === count) return;
  const mean = rated === 0 ? neutralScore : sum / rated;
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(scores[i])) scores[i] = mean;
  }
}
