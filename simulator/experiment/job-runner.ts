import { Worker } from "node:worker_threads";
import type { OpenedLoad } from "./open-load.ts";
import type { ExperimentPlan, Job } from "./plan.ts";
import { type JobResult, runJob } from "./run-job.ts";
import type { FromWorker, ToWorker, WorkerData } from "./worker-messages.ts";

/** Runs jobs of one plan. The results do not depend on how many threads do it. */
export interface JobRunner {
  /** `result[i]` is that of `jobs[i]`. Rejects with the first error. */
  run(jobs: readonly Job[], onDone?: (done: number) => void): Promise<JobResult[]>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Jobs in this thread, one after the other, on `load`, or in `threads` of them, which take over its content or open it for themselves. */
export function createJobRunner(plan: ExperimentPlan, threads: number, load: OpenedLoad): JobRunner {
  return threads <= 1
    ? new OwnThread(plan, load)
    : new Threads(threads, { plan, ...(load.content !== undefined && { content: load.content }) });
}

class OwnThread implements JobRunner {
  readonly #plan: ExperimentPlan;
  readonly #load: OpenedLoad;

  constructor(plan: ExperimentPlan, load: OpenedLoad) {
    this.#plan = plan;
    this.#load = load;
  }

  async run(jobs: readonly Job[], onDone?: (done: number) => void): Promise<JobResult[]> {
    const { createSimulatePolicy } = await import("./simulate-policy.ts");
    const simulatePolicy = createSimulatePolicy(this.#plan, this.#load);
    return jobs.map((job, i) => {
      const result = runJob(this.#plan, job, simulatePolicy);
      onDone?.(i + 1);
      return result;
    });
  }

  async close(): Promise<void> {}
}

class Threads implements JobRunner {
  readonly #workers: readonly Worker[];

  constructor(threads: number, data: WorkerData) {
    this.#workers = Array.from({ length: threads }, () => startWorker(data));
  }

  run(jobs: readonly Job[], onDone?: (done: number) => void): Promise<JobResult[]> {
    const results: JobResult[] = [];
    let [next, done] = [0, 0];
    return new Promise((resolve, reject) => {
      if (jobs.length === 0) return resolve(results);
      const give = (worker: Worker): void => {
        const index = next++;
        const job = jobs[index];
        if (job !== undefined) worker.postMessage({ index, job } satisfies ToWorker);
      };
      for (const worker of this.#workers) {
        worker.removeAllListeners();
        worker.on("error", reject);
        worker.on("exit", (code) => reject(new Error(`Cannot finish: a thread ended with code ${code}`)));
        worker.on("message", (message: FromWorker) => {
          if ("problem" in message) return reject(new Error(message.problem));
          results[message.index] = message.result;
          done++;
          onDone?.(done);
          if (done === jobs.length) return resolve(results);
          give(worker);
        });
        give(worker);
      }
    });
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.removeAllListeners();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** From sources a thread loads the compiler of sources first: threads do not take over the loader of the process. */
function startWorker(workerData: WorkerData): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./worker.js", import.meta.url), { workerData });
  const { href } = new URL("./worker.ts", import.meta.url);
  const code = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import('${href}'); })`;
  return new Worker(code, { workerData, eval: true });
}
