import type { ExperimentPlan, PolicySpec } from "../experiment/plan.ts";
import { arrivalOf, type RecordedRun } from "../recording/recorded-run.ts";
import { lastArrival } from "../statistics/run-summary.ts";
import { type GateResult, passJudgement } from "./gate.ts";
import { sliceWindow } from "./pool-curves.ts";
import { observeRecording } from "./recorded-pool.ts";
import { observeRun } from "./simulated-pool.ts";
import { simulateRecord } from "./simulate-record.ts";

/**
 * Simulates what `run`, the plan's recording, recorded, under its config or, where one is given, `recordedPolicy`; then compares with the
 * record from the first to the last arrival. Rejects with an error that names the recording when it has no config or no
 * request, and with TypeError for a policy that cannot be used.
 */
export async function gateRecording(
  plan: ExperimentPlan,
  run: RecordedRun,
  recordedPolicy?: PolicySpec,
): Promise<GateResult> {
  const { observe, configText, corrections, endpoints, scrapeMs, notes } = observeRecording(run);
  const policy = recordedPolicy ?? { name: "recorded config", text: configText, corrections };
  const record = { kind: "recording", run } as const;
  const simulate = await simulateRecord(plan, { record, policy, endpoints, scrapeMs });
  const simulated = simulate(plan.firstSeed);
  const arrivals = run.requests.map(({ pick }) => arrivalOf(pick));
  const [firstMs, lastMs] = arrivals.reduce(
    ([first, last], atMs) => [Math.min(first, atMs), Math.max(last, atMs)] as const,
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const,
  );
  const window = sliceWindow(0, lastMs - firstMs, scrapeMs);
  return passJudgement({
    policy: policy.name,
    recorded: observe(window, firstMs),
    simulated: observeRun(simulated, { ...window, toMs: lastArrival(simulated) }),
    window,
    notes,
  });
}
