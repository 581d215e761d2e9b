import { admit } from "../../src/admission/admit.ts";
import type { CompiledConfig } from "../../src/config/load.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import type { RecordedPick } from "../../src/recording/line.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import type { Forward, RouteDecision } from "../../src/routing/decision.ts";
import { prepare } from "../../src/routing/prepare.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import { Scheduler } from "../../src/routing/scheduler.ts";
import { marginOf } from "../../src/scheduling/explain.ts";
import type { RecordedWorld } from "./recorded-world.ts";

/** What a policy decided on one recorded request. */
export interface ReplayedDecision {
  readonly decision: RouteDecision;
  /** Total of the picked endpoint less the best other one's; undefined when there is no other. */
  readonly margin: number | undefined;
}

/**
 * One config deciding recorded requests, each over the endpoints as they were then. It learns where requests were really
 * sent, not where it would have sent them: the recorded world did not react to it.
 */
export class ReplayedPolicy {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly #world: RecordedWorld;
  #random: Random = createRandom(0);
  #margin: number | undefined;

  constructor(name: string, config: CompiledConfig, world: RecordedWorld) {
    this.name = name;
    this.#world = world;
    const { clock, tokens } = world;
    this.scheduler = new Scheduler({ plan: config.plan, clock, tokens, random: () => this.#random() });
    world.store.onRemoved(({ id }) => this.scheduler.forget(id));
  }

  /** Decides `request` among `candidates`, with the numbers that chance gave the recorded decision, then with seeded ones. */
  decide(line: RecordedPick, request: InferenceRequest, candidates: readonly Endpoint[]): ReplayedDecision {
    this.#random = recordedThenSeeded(line.draws, line.n);
    this.#margin = undefined;
    const { plan } = this.scheduler;
    const { completions } = this.#world;
    const decision = routeRequest(request, undefined, {
      ignoreSubset: true,
      nowMs: () => line.decidedAtMs,
      snapshot: () => candidates,
      admit: (asked, offered) => admit(asked, offered, { detector: plan.detector?.detector, completions }),
      prepare: (picked) => prepare(plan, picked),
      schedule: this.scheduler.schedule.bind(this.scheduler),
      decided: ({ scheduled }) => {
        const trace = scheduled?.kind === "picked" ? scheduled.trace : undefined;
        if (trace !== undefined)
          this.#margin = marginOf(trace.candidates.length, trace.totals, trace.picked) ?? undefined;
      },
    });
    return { decision, margin: this.#margin };
  }
}

/** A decision for `endpoint`, whatever it was for. */
export function forwardTo(decision: Forward, endpoint: Endpoint): Forward {
  return { ...decision, picked: { ...decision.picked, endpoints: [endpoint] } };
}

function recordedThenSeeded(draws: readonly number[], seed: number): Random {
  let next = 0;
  let seeded: Random | undefined;
  return () => {
    const drawn = draws[next++];
    if (drawn !== undefined) return drawn;
    seeded ??= createRandom(seed);
    return seeded();
  };
}
