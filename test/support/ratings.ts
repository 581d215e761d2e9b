import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import { explain } from "../../src/scheduling/explain.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import type { Follower } from "../../src/scheduling/plugin.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { aPlan, traceOf } from "./a-plan.ts";
import { aRequest } from "./a-request.ts";
import { anEndpoint, type EndpointTraits } from "./an-endpoint.ts";

/** What a scorer looked at, null when unknown, and its score. */
export type Rating = readonly [raw: number | null, score: number];

/** What the first scorer of a plan gives each endpoint that its filters leave. */
export function ratingsOf(
  plan: SchedulingPlan,
  endpoints: readonly Endpoint[],
  request: InferenceRequest = aRequest({ prompt: "a prompt" }),
): Rating[] {
  const trace = traceOf(schedule(request, endpoints, { nowMs: 0, random: createRandom(1), plan }));
  return explain(trace).candidates.map(({ scores }) => [scores[0]?.raw ?? null, scores[0]?.score ?? Number.NaN]);
}

/** Schedules a request with one candidate and dispatches it there; returns what follows it. */
export function sendTo(plan: SchedulingPlan, endpoint: Endpoint, request: InferenceRequest): Follower[] {
  const decision = schedule(request, [endpoint], { nowMs: 0, random: createRandom(1), plan });
  assert.equal(decision.kind, "picked");
  return decision.kind === "picked" ? noteDispatched(plan, decision) : [];
}

/** Endpoints server-0, server-1, ... */
export function endpointsOf(traits: readonly EndpointTraits[]): Endpoint[] {
  return traits.map((some, i) => anEndpoint(`server-${i}`, some));
}

/** One case of a table: endpoints and what each is given. */
export type RatingRow = readonly [what: string, traits: readonly EndpointTraits[], ratings: readonly Rating[]];

/** One test a row: a plan of one plugin (its entry in flow style) rates the endpoints as the row says. */
export function testRatings(entry: string, rows: readonly RatingRow[], request?: InferenceRequest): void {
  for (const [what, traits, ratings] of rows) {
    test(`${entry} rates ${what}`, () => {
      assert.deepEqual(ratingsOf(aPlan(`plugins: [${entry}]`), endpointsOf(traits), request), ratings);
    });
  }
}
