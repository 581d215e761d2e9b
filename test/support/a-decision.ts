import { DecisionLog } from "../../src/decisions/decision-log.ts";
import type { DecisionRecord } from "../../src/decisions/decision-record.ts";
import { expandDecision } from "../../src/decisions/expand-decision.ts";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { routeRequest } from "../../src/routing/route-request.ts";
import type { HostMetadata } from "../../src/routing/subset.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { Scratch } from "../../src/scheduling/scratch.ts";
import { aPlan } from "./a-plan.ts";
import { aRequest } from "./a-request.ts";

/** What a test says about a decision. */
export interface DecisionTraits {
  readonly endpoints: readonly Endpoint[];
  readonly request?: InferenceRequest;
  readonly plan?: SchedulingPlan;
  readonly random?: Random;
  /** Addresses that the host allows; default: all. */
  readonly subset?: string;
  /** Default: one that keeps this decision alone. */
  readonly log?: DecisionLog;
  readonly scratch?: Scratch;
}

/** Wall time at which the clocks of these tests stand at 0. */
export const wallStartMs = Date.UTC(2026, 4, 6, 7, 8, 9);

/** A log on a virtual clock. */
export function aLog(clock = new VirtualClock(wallStartMs), limits?: { records: number; bytes: number }): DecisionLog {
  return new DecisionLog({ clock, configRevision: () => "0123456789ab", ...(limits && { limits }) });
}

/** Decides a request that arrived at 1.5 ms, at 2 ms, and returns the record. */
export function aDecision(traits: DecisionTraits): DecisionRecord {
  const {
    endpoints,
    request = aRequest(),
    plan = aPlan(),
    random = createRandom(1),
    subset,
    scratch = new Scratch(),
  } = traits;
  const clock = new VirtualClock(wallStartMs);
  clock.advance(2);
  const log = traits.log ?? aLog(clock);
  const metadata: HostMetadata | undefined =
    subset === undefined ? undefined : { "envoy.lb.subset_hint": { "x-gateway-destination-endpoint-subset": subset } };
  routeRequest(
    request,
    metadata,
    {
      nowMs: () => 2,
      snapshot: () => endpoints,
      schedule: (asked, candidates) => schedule(asked, candidates, { nowMs: 2, random, plan, scratch }),
      decided: (decided) => log.decided(decided),
    },
    1.5,
  );
  const [kept] = log.newest(1, 0);
  if (kept === undefined) throw new Error("Cannot find the decision: the log is empty, expected one");
  return expandDecision(kept);
}
