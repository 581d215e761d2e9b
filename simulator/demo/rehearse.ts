/** The demo in virtual time: seconds instead of minutes, and the same answer every time. */
import { createRandom } from "../../src/lib/random.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import { leastRequest, roundRobin } from "./balancers.ts";
import { PickerRouter } from "./picker-router.ts";
import { toPoolRequest } from "./pool-request.ts";
import type { ArmName } from "./report.ts";
import { createScenario, demoReplica, type ScenarioOptions } from "./scenario.ts";
import { type Percentiles, percentiles } from "./statistics.ts";
import { runVirtualPool, type VirtualRouter } from "./virtual-pool.ts";

/** How one arm goes in virtual time. */
export interface RehearsedArm {
  readonly ttftMs: Percentiles;
  readonly e2eMs: Percentiles;
  /** 0..1. */
  readonly prefixHitRatio: number;
}

/** The picker's scrape interval. */
const scrapeMs = 50;

/** Runs the three arms of a demo with the picker deciding by `plan`. What Envoy and the picker cost in time is not in it. */
export function rehearse(options: ScenarioOptions, plan: SchedulingPlan): Readonly<Record<ArmName, RehearsedArm>> {
  const { servers, seed } = options;
  const { load } = createScenario(options);
  const requests = load.map((request) => toPoolRequest(request, demoReplica));
  const run = (router: VirtualRouter): RehearsedArm => {
    const { served, loads } = runVirtualPool(requests, { config: demoReplica, servers, scrapeMs }, router);
    const since = (atMs: number, i: number): number => atMs - (requests[i]?.arrivalMs ?? 0);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const hits = sum(loads.map(({ prefixHitTokens }) => prefixHitTokens));
    return {
      ttftMs: percentiles(served.map(({ firstTokenMs }, i) => since(firstTokenMs, i))),
      e2eMs: percentiles(served.map(({ lastTokenMs }, i) => since(lastTokenMs, i))),
      prefixHitRatio: hits / sum(loads.map(({ prefixQueryTokens }) => prefixQueryTokens)),
    };
  };
  return {
    "round-robin": run(roundRobin(servers)),
    "least-request": run(leastRequest(servers, createRandom(seed))),
    picker: run(new PickerRouter({ plan, random: createRandom(seed), servers, config: demoReplica, load })),
  };
}
