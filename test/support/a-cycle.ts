import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import type { InferenceRequest } from "../../src/request/inference-request.ts";
import type { Cycle } from "../../src/scheduling/plugin.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import { aRequest } from "./a-request.ts";

/** A decision under way, with what a test says about it. */
export function aCycle(
  traits: { readonly request?: InferenceRequest; readonly nowMs?: number; readonly random?: Random } = {},
): Cycle {
  const { request = aRequest(), nowMs = 0, random = createRandom(1) } = traits;
  return { request, tokens: { inputTokens: 0, outputTokens: undefined }, nowMs, random, produced: new Map() };
}

/** What the filters of a plan's first profile leave, by name. */
export function keptBy(plan: SchedulingPlan, candidates: readonly Endpoint[], cycle: Cycle = aCycle()): string[] {
  for (const { name, producer } of plan.producers) cycle.produced.set(name, producer.produce(cycle, candidates));
  let left = candidates;
  for (const { filter } of plan.profiles[0]?.filters ?? []) left = filter.filter(cycle, left);
  return left.map(({ name }) => name);
}
