import type { SimulationRun } from "../engine/simulation-run.ts";
import { lastArrival, type RunSummary, summarizeRun } from "../statistics/run-summary.ts";
import { findWarmUp, noWarmUp, type WarmUp } from "../statistics/warm-up.ts";
import type { ExperimentPlan, Job } from "./plan.ts";
import { detailRun, type RunDetail } from "./run-detail.ts";

/** Simulates one policy of a job. */
export type SimulatePolicy = (job: Job, policy: number) => SimulationRun;

/** What a job gives. Plain data of numbers, lists and texts. */
export interface JobResult {
  /** Requests of the load. */
  readonly requests: number;
  /** When the last request arrives, ms; the earliest of the runs. */
  readonly lastArrivalMs: number;
  /** The same for all policies: the latest cut that one of them needs, so that the same requests count. */
  readonly warmUp: WarmUp;
  /** In the order of the job's policies. */
  readonly runs: readonly RunSummary[];
  /** In the same order; only of a detailed job. */
  readonly details?: readonly RunDetail[];
}

/** What the pool goes through is what the run is about: it is in the figures. */
function warmUpOf(run: SimulationRun): WarmUp {
  return findWarmUp(run.series, lastArrival(run), run.firstChangeMs);
}

/** Runs every policy of a job and sums them up over the same requests. */
export function runJob(plan: ExperimentPlan, job: Job, simulatePolicy: SimulatePolicy): JobResult {
  const runs = job.policies.map((policy) => simulatePolicy(job, policy));
  const warmUps = plan.isCold ? [noWarmUp] : runs.map(warmUpOf);
  const warmUp = warmUps.reduce((latest, other) => (other.cutMs > latest.cutMs ? other : latest));
  const result: JobResult = {
    requests: runs[0]?.requests.count ?? 0,
    lastArrivalMs: Math.min(...runs.map(lastArrival)),
    warmUp,
    runs: runs.map((run) => summarizeRun(run, warmUp.cutMs, plan.slo)),
  };
  return job.isDetailed === true ? { ...result, details: runs.map((run) => detailRun(run, warmUp.cutMs)) } : result;
}
