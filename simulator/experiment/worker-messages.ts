import type { LoadContent } from "./open-load.ts";
import type { ExperimentPlan, Job } from "./plan.ts";
import type { JobResult } from "./run-job.ts";

/** What a thread begins with. */
export interface WorkerData {
  readonly plan: ExperimentPlan;
  /** Absent: the thread opens the plan's load. */
  readonly content?: LoadContent;
}

/** A job for a thread. */
export interface ToWorker {
  readonly index: number;
  readonly job: Job;
}

/** What became of it. */
export type FromWorker =
  | { readonly index: number; readonly result: JobResult }
  | { readonly index: number; readonly problem: string };
