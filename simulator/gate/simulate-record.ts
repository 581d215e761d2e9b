import type { SimulationRun } from "../engine/simulation-run.ts";
import { openLoad } from "../experiment/open-load.ts";
import type { OpenedRecord } from "../experiment/open-record.ts";
import type { ExperimentPlan, PolicySpec } from "../experiment/plan.ts";
import { createSimulatePolicy } from "../experiment/simulate-policy.ts";

/** The pool that a record is of. */
export interface RecordedTerms {
  readonly record: OpenedRecord;
  /** What served the requests. */
  readonly policy: PolicySpec;
  readonly endpoints: number;
  /** Time between two samples, ms; NaN: that of the plan. */
  readonly scrapeMs: number;
}

/**
 * Simulates what a plan's record is of: all its requests at their own rate on as many servers, under its policy, with `seed`. Rejects with
 * an error that names a record that has no load, and with TypeError for a policy that cannot be used.
 */
export async function simulateRecord(
  plan: ExperimentPlan,
  { record, policy, endpoints, scrapeMs }: RecordedTerms,
): Promise<(seed: number) => SimulationRun> {
  const { limit: _, ...load } = plan.load;
  const ofRecord: ExperimentPlan = {
    ...plan,
    load,
    policies: [policy],
    circumstances: { ...plan.circumstances, pickers: 1, oracleLengths: false },
  };
  const usual = plan.cells[0]?.scrapeMs ?? 50;
  const cell = {
    rateScale: 1,
    replicas: Math.max(1, endpoints),
    scrapeMs: Number.isNaN(scrapeMs) ? usual : scrapeMs,
  };
  const simulatePolicy = createSimulatePolicy(ofRecord, await openLoad(load, plan.firstSeed, record));
  return (seed) => simulatePolicy({ cell, seed, policies: [0] }, 0);
}
