import { openLoad } from "../experiment/open-load.ts";
import type { ExperimentPlan, PolicySpec } from "../experiment/plan.ts";
import { createSimulatePolicy } from "../experiment/simulate-policy.ts";
import { openRecording } from "../recording/read-recording.ts";
import { type GateResult, isAccepted, judge } from "./gate.ts";
import { observeRecording } from "./recorded-pool.ts";
import { observeRun } from "./simulated-pool.ts";

/**
 * Simulates what a plan's recording recorded: all its requests at their own rate on as many servers, sampled as often, under its
 * config or, where one is given, `recordedPolicy`; then compares with the record. Throws an error that names the recording
 * when it cannot be read, and TypeError for a policy that cannot be used.
 */
export async function gateRecording(plan: ExperimentPlan, recordedPolicy?: PolicySpec): Promise<GateResult> {
  const recorded = observeRecording(openRecording(plan.load.source));
  const policy = recordedPolicy ?? {
    name: "recorded config",
    text: recorded.configText,
    corrections: recorded.corrections,
  };
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
    replicas: Math.max(1, recorded.endpoints),
    scrapeMs: Number.isNaN(recorded.scrapeMs) ? usual : recorded.scrapeMs,
  };
  const simulatePolicy = createSimulatePolicy(ofRecord, await openLoad(load, plan.firstSeed));
  const run = simulatePolicy({ cell, seed: plan.firstSeed, policies: [0] }, 0);
  const rows = judge(recorded.observation, observeRun(run));
  return { policy: policy.name, rows, passes: isAccepted(rows), notes: recorded.notes };
}
