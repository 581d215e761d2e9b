/** A thread of `createJobRunner`. */
import { parentPort, workerData } from "node:worker_threads";
import { openLoad } from "./open-load.ts";
import type { ExperimentPlan } from "./plan.ts";
import { runJob } from "./run-job.ts";
import { createSimulatePolicy } from "./simulate-policy.ts";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

const plan = workerData as ExperimentPlan;
const simulatePolicy = createSimulatePolicy(plan, await openLoad(plan.load, plan.firstSeed));

parentPort?.on("message", ({ index, job }: ToWorker) => {
  parentPort?.postMessage(answer(index, job));
});

function answer(index: number, job: ToWorker["job"]): FromWorker {
  try {
    return { index, result: runJob(plan, job, simulatePolicy) };
  } catch (error) {
    return { index, problem: error instanceof Error ? error.message : String(error) };
  }
}
