import type { SimulationRun } from "../engine/simulation-run.ts";
import { lastArrival } from "../statistics/run-summary.ts";
import { requestLatencies } from "../statistics/request-latencies.ts";
import { distributionOf, distributionOfRun } from "./distribution.ts";
import type { PoolObservation } from "./gate.ts";

/** What the pool of a run showed from the first to the last arrival; latencies are of all its requests. */
export function observeRun(run: SimulationRun): PoolObservation {
  const { ttftMs, tpotMs } = requestLatencies({ run, from: 0, slo: { ttftMs: Infinity, tpotMs: Infinity } });
  const { series } = run;
  const lastMs = lastArrival(run);
  return {
    running: meanUntil(series.running, run, lastMs),
    waiting: meanUntil(series.waiting, run, lastMs),
    kvCacheRatio: meanUntil(series.kvCacheRatio, run, lastMs),
    ttftMs: distributionOf(ttftMs),
    itlMs: distributionOfRun(run.itlMs),
    tpotMs: distributionOf(tpotMs),
  };
}

/** Samples are at equal distances, so that their mean is that over time. */
function meanUntil(values: Float32Array, { series }: SimulationRun, lastMs: number): number {
  const replicas = values.length / series.samples;
  const samples = Math.min(series.samples, Math.floor(lastMs / series.stepMs) + 1);
  return values.subarray(0, samples * replicas).reduce((sum, value) => sum + value, 0) / (samples * replicas);
}
