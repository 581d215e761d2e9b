import type { ExperimentPlan, PolicySpec } from "../experiment/plan.ts";
import { offeredLoad } from "../metrics/offered-load.ts";
import type { RecordedMetrics } from "../metrics/recorded-metrics.ts";
import { lastArrival } from "../statistics/run-summary.ts";
import { findWarmUp } from "../statistics/warm-up.ts";
import { type GateResult, passJudgement } from "./gate.ts";
import { sliceWindow } from "./pool-curves.ts";
import { observeMetrics, usualGapMs } from "./recorded-metrics-pool.ts";
import { meanObservation, observeRun } from "./simulated-pool.ts";
import { simulateRecord } from "./simulate-record.ts";

/**
 * Simulates `policy` on every reconstruction of what `metrics`, the plan's record, is of, one seed each, and compares the mean of
 * them with the record, from the end of the first one's warm-up to the last arrival: the record begins in the middle of traffic, a simulation
 * with idle servers and cold caches. Rejects with an error for metrics without a load, and with TypeError for a policy that cannot be used.
 */
export async function gateMetrics(
  plan: ExperimentPlan,
  metrics: RecordedMetrics,
  policy: PolicySpec,
): Promise<GateResult> {
  const { endpoints } = metrics;
  const record = { kind: "metrics", metrics } as const;
  // Metrics were recorded by somebody else than the picker: their distance says nothing of what it knew.
  const terms = { record, policy, endpoints: endpoints.length, scrapeMs: Number.NaN };
  const simulate = await simulateRecord(plan, terms);
  const { firstSeed, reconstructions = 1 } = plan;
  const first = simulate(firstSeed);
  const lastMs = lastArrival(first);
  const window = sliceWindow(findWarmUp(first.series, lastMs).cutMs, lastMs, usualGapMs(endpoints));
  const others = Array.from({ length: reconstructions - 1 }, (_, i) => observeRun(simulate(firstSeed + 1 + i), window));
  return passJudgement({
    policy: policy.name,
    recorded: observeMetrics(endpoints, window, offeredLoad(endpoints).startMs),
    simulated: meanObservation([observeRun(first, window), ...others]),
    window,
    notes: [
      `Mean of ${reconstructions} reconstructions, compared from ${Math.round(window.fromMs / 1000)} s on, when the simulated pool has warmed up.`,
    ],
  });
}
