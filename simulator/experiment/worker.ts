/** A thread of `createJobRunner`. */
import { parentPort, workerData } from "node:worker_threads";
import { loadOf, openLoad } from "./open-load.ts";
import { runJob } from "./run-job.ts";
import { createSimulatePolicy } from "./simulate-policy.ts";
import type { FromWorker, ToWorker, WorkerData } from "./worker-messages.ts";

const { plan, content } = workerData as WorkerData;
const load = await (content === undefined ? openLoad(plan.load, plan.firstSeed) : loadOf(plan.load, content));
const simulatePolicy = createSimulatePolicy(plan, load);

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
