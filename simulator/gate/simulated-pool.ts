import type { SimulationRun } from "../engine/simulation-run.ts";
import { requestLatencies } from "../statistics/request-latencies.ts";
import { firstRowFrom } from "../statistics/run-summary.ts";
import { distributionOf, distributionOfRun, mixDistributions } from "./distribution.ts";
import type { PoolObservation } from "./gate.ts";
import { curvesOfRun, meanCurves, meanOfKnown, type Slices } from "./pool-curves.ts";

/** What the pool of a run showed within `window`; latencies are of its requests from its beginning on, ITL of the whole run. */
export function observeRun(run: SimulationRun, window: Slices): PoolObservation {
  const from = firstRowFrom(run, window.fromMs);
  const { ttftMs, tpotMs, e2eMs } = requestLatencies({ run, from, slo: { ttftMs: Infinity, tpotMs: Infinity } });
  const whole = curvesOfRun(run, { ...window, count: 1 });
  return {
    running: whole.running[0] ?? Number.NaN,
    waiting: whole.waiting[0] ?? Number.NaN,
    kvCacheRatio: whole.kvCacheRatio[0] ?? Number.NaN,
    curves: curvesOfRun(run, window),
    ttftMs: distributionOf(ttftMs),
    itlMs: distributionOfRun(run.itlMs),
    tpotMs: distributionOf(tpotMs),
    e2eMs: distributionOf(e2eMs),
  };
}

/** What several runs showed in the mean, within the same window. */
export function meanObservation(all: readonly PoolObservation[]): PoolObservation {
  const mean = (read: (one: PoolObservation) => number): number => meanOfKnown(all.map(read));
  return {
    running: mean(({ running }) => running),
    waiting: mean(({ waiting }) => waiting),
    kvCacheRatio: mean(({ kvCacheRatio }) => kvCacheRatio),
    curves: meanCurves(all.map(({ curves }) => curves)),
    ttftMs: mixDistributions(all.map(({ ttftMs }) => ttftMs)),
    itlMs: mixDistributions(all.map(({ itlMs }) => itlMs)),
    tpotMs: mixDistributions(all.map(({ tpotMs }) => tpotMs)),
    e2eMs: mixDistributions(all.map(({ e2eMs }) => e2eMs)),
  };
}
