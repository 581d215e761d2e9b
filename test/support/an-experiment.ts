import type { SimulationRun } from "../../simulator/engine/simulation-run.ts";
import { drawVariations } from "../../simulator/experiment/variations.ts";
import { type Cell, type ExperimentPlan, type Job, planJobs } from "../../simulator/experiment/plan.ts";
import { assembleResult, type ExperimentResult } from "../../simulator/experiment/result.ts";
import { type JobResult, runJob } from "../../simulator/experiment/run-job.ts";
import { createRandom } from "../../src/lib/random.ts";
import { aSeries, aSimulationRun } from "./a-simulation-run.ts";

/** A plan of hand-made runs: three policies, five seeds, one condition. */
export function aPlan(changes: Partial<ExperimentPlan> = {}): ExperimentPlan {
  return {
    load: { kind: "trace", source: "/somewhere/a-trace.jsonl", rawTimes: false, scaleBy: "time-warp", openLoop: false },
    policies: [{ name: "round-robin" }, { name: "go-default" }, { name: "default" }],
    preset: "llama-3-8b-h100",
    cells: [{ rateScale: 1, replicas: 2, scrapeMs: 50 }],
    firstSeed: 1,
    seeds: 5,
    slo: { ttftMs: 2000, tpotMs: 100 },
    mode: "macro",
    isCold: false,
    circumstances: {
      scrapeDelayMs: 0,
      scrapeJitterMs: 0,
      scrapeLossRatio: 0,
      pickers: 1,
      oracleLengths: false,
      timeoutMs: 0,
    },
    draws: 0,
    ...changes,
  };
}

/** Conditions of a sweep over rates and scrape periods. */
export const aGrid: readonly Cell[] = [50, 1000].flatMap((scrapeMs) =>
  [0.5, 1, 2].map((rateScale) => ({ rateScale, replicas: 2, scrapeMs })),
);

/** A run made by hand, without a simulation: 400 requests, each policy (0, 1, 2) quicker than the one before it. */
export function handMadeRun({ cell, seed }: Job, policy: number): SimulationRun {
  const random = createRandom(seed);
  const gap = 100 / cell.rateScale;
  const slowness = [3, 2, 1][policy] ?? 1;
  const rows = Array.from({ length: 400 }, (_, i) => {
    const ttftMs = (50 + 400 * random() ** 3) * slowness * cell.rateScale + (policy === 1 ? cell.scrapeMs / 10 : 0);
    return {
      arrivalMs: i * gap,
      ttftMs,
      e2eMs: ttftMs + 200 + 50 * random(),
      replica: i % 2,
      cachedTokens: 20 * policy,
    };
  });
  const series = aSeries(
    Array.from({ length: 40 }, (_, i) => ({ running: 5 + (i % 3), queries: 1000 * i, hits: 200 * policy * i })),
  );
  return aSimulationRun(rows, { series });
}

/** The result of every job of a plan, done with `simulatePolicy`. */
export function runPlan(plan: ExperimentPlan, simulatePolicy = handMadeRun): { jobs: Job[]; results: JobResult[] } {
  const jobs = planJobs(plan, drawVariations(plan.draws, plan.firstSeed), true);
  return { jobs, results: jobs.map((job) => runJob(plan, job, simulatePolicy)) };
}

/** An experiment of hand-made runs. */
export function anExperiment(changes: Partial<ExperimentPlan> = {}, simulatePolicy = handMadeRun): ExperimentResult {
  const plan = aPlan(changes);
  const { jobs, results } = runPlan(plan, simulatePolicy);
  return assembleResult(plan, jobs, results);
}
