import { meanOf } from "../statistics/interval.ts";
import { findKnee, type Knee, type RateOutcome } from "./knee.ts";
import type { Cell, ExperimentPlan, Job } from "./plan.ts";
import type { JobResult } from "./run-job.ts";

/** Seeds that a rate is judged by: the search asks for the mean, not for an interval. */
const mostSeeds = 3;

/** The knee of every policy under the plan's first condition, in the order of the policies. */
export async function searchKnees(
  plan: ExperimentPlan,
  runJobs: (jobs: readonly Job[], what: string) => Promise<readonly JobResult[]>,
): Promise<Knee[]> {
  const [cell] = plan.cells;
  if (cell === undefined) return [];
  const knees: Knee[] = [];
  let startScale = cell.rateScale;
  for (const [policy, { name }] of plan.policies.entries()) {
    const outcomeAt = async (rateScale: number): Promise<RateOutcome> => {
      const jobs = jobsAt(plan, { ...cell, rateScale }, policy);
      const runs = (await runJobs(jobs, `runs for the knee of ${name}, ${rateScale.toPrecision(3)} x`)).map(
        ({ runs: [run] }) => run,
      );
      return {
        attainment: meanOf(runs.map((run) => run?.attainment ?? Number.NaN)),
        requestsPerSecond: meanOf(runs.map((run) => run?.offeredPerSecond ?? Number.NaN)),
      };
    };
    const knee = await findKnee(name, startScale, outcomeAt);
    knees.push(knee);
    // Knees of one pool are near each other.
    startScale = knee.rateScale ?? startScale;
  }
  return knees;
}

function jobsAt(plan: ExperimentPlan, cell: Cell, policy: number): Job[] {
  const seeds = Math.min(plan.seeds, mostSeeds);
  return Array.from({ length: seeds }, (_, i) => ({ cell, seed: plan.firstSeed + i, policies: [policy] }));
}
