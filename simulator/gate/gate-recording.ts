import { openLoad } from "../experiment/open-load.ts";
import type { ExperimentPlan, PolicySpec } from "../experiment/plan.ts";
import { createSimulatePolicy } from "../experiment/simulate-policy.ts";
import type { RecordedRun } from "../recording/recorded-run.ts";
import { type GateResult, isAccepted, judge } from "./gate.ts";
import { observeRecording } from "./recorded-pool.ts";
import { observeRun } from "./simulated-pool.ts";

/**
 * Simulates what `run`, the plan's recording, recorded: all its requests at their own rate on as many servers, sampled as often, under its
 * config or, where one is given, `recordedPolicy`; then compares with the record. Rejects with an error that names the recording
 * when it has no config or no request, and with TypeError for a policy that cannot be used.
 */
export async function gateRecording(
  plan: ExperimentPlan,
  run: RecordedRun,
  recordedPolicy?: PolicySpec,
): Promise<GateResult> {
  const recorded = observeRecording(run);
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
  const simulatePolicy = createSimulatePolicy(
    ofRecord,
    await openLoad(load, plan.firstSeed, { kind: "recording", run }),
  );
  const simulated = simulatePolicy({ cell, seed: plan.firstSeed, policies: [0] }, 0);
  const rows = judge(recorded.observation, observeRun(simulated));
  return { policy: policy.name, rows, passes: isAccepted(rows), notes: recorded.notes };
}
