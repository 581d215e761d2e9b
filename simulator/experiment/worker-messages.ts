import type { Job } from "./plan.ts";
import type { JobResult } from "./run-job.ts";

/** A job for a thread, whose plan is its `workerData`. */
export interface ToWorker {
  readonly index: number;
  readonly job: Job;
}

/** What became of it. */
export type FromWorker =
  | { readonly index: number; readonly result: JobResult }
  | { readonly index: number; readonly problem: string };
