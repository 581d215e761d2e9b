import type { Endpoint, EndpointId } from "../datastore/endpoint.ts";
import type { TokenEstimator } from "../datastore/token-estimator.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { adoptLearned, forgetEndpoint, type SchedulingPlan } from "../scheduling/plan.ts";
import { type Scheduled, schedule } from "../scheduling/schedule.ts";
import { Scratch } from "../scheduling/scratch.ts";

/** What the scheduler takes from outside. */
export interface SchedulerDeps {
  /** The plan to start with. */
  readonly plan: SchedulingPlan;
  readonly clock: Clock;
  readonly random: Random;
  readonly tokens: TokenEstimator;
  /** Told how long a decision took, snapshot to pick, in milliseconds. */
  readonly scheduled?: (durationMs: number) => void;
}

/** The pure core with what a process keeps between decisions: the plan in force, the scratch, time and chance. */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #scratch = new Scratch();
  #plan: SchedulingPlan;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#plan = deps.plan;
  }

  /** The plan in force. */
  get plan(): SchedulingPlan {
    return this.#plan;
  }

  /** Puts another plan into force, between two decisions; it takes over what the producers of the present one learned. */
  replacePlan(plan: SchedulingPlan): void {
    adoptLearned(plan, this.#plan);
    this.#plan = plan;
  }

  /** Decides among `candidates` as of `nowMs`; the trace in the answer holds until the next call. */
  schedule(request: InferenceRequest, candidates: readonly Endpoint[], nowMs: number): Scheduled {
    const { clock, random, tokens, scheduled } = this.#deps;
    const context = { nowMs, random, plan: this.#plan, tokens: tokens.estimate(request), scratch: this.#scratch };
    const decision = schedule(request, candidates, context);
    scheduled?.(clock.nowMs() - nowMs);
    return decision;
  }

  /** The incarnation behind `id` has left the pool. */
  forget(id: EndpointId): void {
    forgetEndpoint(this.#plan, id);
  }
}
