import type { Endpoint, EndpointId } from "../datastore/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { forgetEndpoint, type SchedulingPlan } from "../scheduling/plan.ts";
import { noteDispatched, type NonePicked, type Picked, schedule } from "../scheduling/schedule.ts";
import { Scratch } from "../scheduling/scratch.ts";

/** What the scheduler takes from outside. */
export interface SchedulerDeps {
  readonly plan: SchedulingPlan;
  readonly clock: Clock;
  readonly random: Random;
  /** Told how long a decision took, snapshot to pick, in milliseconds. */
  readonly scheduled?: (durationMs: number) => void;
}

/** The pure core with what a process keeps between decisions: the plan in force, the scratch, time and chance. */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #scratch = new Scratch();

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
  }

  /** Decides among `candidates`; the trace in the answer holds until the next call. */
  schedule(request: InferenceRequest, candidates: readonly Endpoint[]): Picked | NonePicked {
    const { clock, random, plan, scheduled } = this.#deps;
    const nowMs = clock.nowMs();
    const decision = schedule(request, candidates, { nowMs, random, plan, scratch: this.#scratch });
    scheduled?.(clock.nowMs() - nowMs);
    return decision;
  }

  /** The request of `decision` is on its way to the first endpoint. */
  dispatched(decision: Picked): void {
    noteDispatched(this.#deps.plan, decision);
  }

  /** The incarnation behind `id` has left the pool. */
  forget(id: EndpointId): void {
    forgetEndpoint(this.#deps.plan, id);
  }
}
