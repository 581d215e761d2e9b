import { outcomes, type PoolSeries, type SimulationRun } from "../engine/simulation-run.ts";

/** Curves of one run, thinned to what a plot can show. */
export interface RunDetail {
  /** TTFT at the shares 0.005, 0.01, ... 1 of the requests after the warm-up, then at 0.999; ms. */
  readonly ttftCdf: readonly { readonly share: number; readonly ms: number }[];
  /** Length of one slice of time, ms. */
  readonly sliceMs: number;
  /** Mean over each slice, by slice and then by replica. */
  readonly waiting: readonly (readonly number[])[];
  readonly kvCacheRatio: readonly (readonly number[])[];
  /** Prefix hit ratio of the pool in each slice; NaN where nothing was looked up. */
  readonly hitRatio: readonly number[];
}

const mostSlices = 96;
const curvePoints = 200;

/** The curves of a run whose warm-up ends at `cutMs`. */
export function detailRun(run: SimulationRun, cutMs: number): RunDetail {
  const { series } = run;
  const perSlice = Math.max(1, Math.ceil(series.samples / mostSlices));
  const slices = Math.floor(series.samples / perSlice);
  const slice = (values: Float32Array): number[][] =>
    Array.from({ length: slices }, (_, at) => replicaMeans(values, series, at * perSlice, perSlice));
  return {
    ttftCdf: ttftCurve(run, cutMs),
    sliceMs: series.stepMs * perSlice,
    waiting: slice(series.waiting),
    kvCacheRatio: slice(series.kvCacheRatio),
    hitRatio: Array.from({ length: slices }, (_, at) => hitRatio(series, at * perSlice, perSlice)),
  };
}

function ttftCurve(
  { requests, arrivedMs, firstTokenMs, outcome, endMs }: SimulationRun,
  cutMs: number,
): RunDetail["ttftCdf"] {
  const [refused, failed] = [outcomes.indexOf("refused"), outcomes.indexOf("failed")];
  const values: number[] = [];
  for (let row = 0; row < requests.count; row++) {
    if ((requests.arrivalMs[row] as number) < cutMs) continue;
    if (outcome[row] === refused || outcome[row] === failed) continue;
    const first = firstTokenMs[row] as number;
    values.push((Number.isNaN(first) ? endMs : first) - (arrivedMs[row] as number));
  }
  if (values.length === 0) return [];
  const sorted = Float64Array.from(values).sort();
  const shares = [...Array.from({ length: curvePoints }, (_, i) => (i + 1) / curvePoints), 0.999].toSorted(
    (a, b) => a - b,
  );
  return shares.map((share) => ({ share, ms: sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number }));
}

function replicaMeans(values: Float32Array, { samples }: PoolSeries, from: number, count: number): number[] {
  const replicas = values.length / samples;
  const sums = new Float64Array(replicas);
  for (let i = from * replicas; i < (from + count) * replicas; i++) {
    sums[i % replicas] = (sums[i % replicas] as number) + (values[i] as number);
  }
  return Array.from(sums, (sum) => Number((sum / count).toPrecision(4)));
}

function hitRatio({ prefixQueryTokens, prefixHitTokens, samples }: PoolSeries, from: number, count: number): number {
  const replicas = prefixQueryTokens.length / samples;
  const last = Math.min(samples - 1, from + count);
  let [hits, queries] = [0, 0];
  for (let i = 0; i < replicas; i++) {
    const [then, now] = [from * replicas + i, last * replicas + i];
    hits += (prefixHitTokens[now] as number) - (prefixHitTokens[then] as number);
    queries += (prefixQueryTokens[now] as number) - (prefixQueryTokens[then] as number);
  }
  return hits / queries;
}
