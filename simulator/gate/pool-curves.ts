import type { SimulationRun } from "../engine/simulation-run.ts";
import type { HeldValue } from "../statistics/held-value.ts";

/** What is compared over time. */
export const gaugeKeys = ["running", "waiting", "kvCacheRatio"] as const;
export type GaugeKey = (typeof gaugeKeys)[number];

/** Means over the endpoints in equal slices of a window, by slice; NaN unknown. */
export type PoolCurves = Readonly<Record<GaugeKey, readonly number[]>>;

/** A stretch of time in equal slices. */
export interface Slices {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

const mostSlices = 48;

/** Slices of a window, none shorter than `leastMs`, the time between two samples; NaN: not known. */
export function sliceWindow(fromMs: number, toMs: number, leastMs: number): Slices {
  const fitting = Math.floor((toMs - fromMs) / Math.max(1, Number.isNaN(leastMs) ? 1 : leastMs));
  return { fromMs, toMs, count: Math.max(1, Math.min(mostSlices, fitting)) };
}

/** Curves of endpoints whose values hold until the next sample. `offsetMs`: their time at 0 of the slices. */
export function curvesOf(
  endpoints: readonly Readonly<Record<GaugeKey, HeldValue>>[],
  slices: Slices,
  offsetMs = 0,
): PoolCurves {
  const { fromMs, toMs, count } = slices;
  const sliceMs = (toMs - fromMs) / count;
  return byGauge((key) =>
    Array.from({ length: count }, (_, slice) => {
      const start = offsetMs + fromMs + slice * sliceMs;
      return meanOfKnown(endpoints.map((endpoint) => endpoint[key].mean(start, start + sliceMs)));
    }),
  );
}

/** Curves of a run, whose samples are at equal distances. */
export function curvesOfRun({ series }: SimulationRun, { fromMs, toMs, count }: Slices): PoolCurves {
  const sliceMs = (toMs - fromMs) / count;
  const sampleAt = (ms: number): number => Math.min(series.samples, Math.max(0, Math.round(ms / series.stepMs)));
  return byGauge((key) => {
    const values = series[key];
    const replicas = values.length / series.samples;
    return Array.from({ length: count }, (_, slice) => {
      const first = Math.min(series.samples - 1, sampleAt(fromMs + slice * sliceMs));
      const end = Math.max(first + 1, sampleAt(fromMs + (slice + 1) * sliceMs));
      const part = values.subarray(first * replicas, end * replicas);
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    });
  });
}

/** The mean of several runs' curves, which have the same slices. */
export function meanCurves(all: readonly PoolCurves[]): PoolCurves {
  return byGauge((key) =>
    (all[0]?.[key] ?? []).map((_, slice) => meanOfKnown(all.map((one) => one[key][slice] as number))),
  );
}

/** Mean over the slices of how far two curves are apart; NaN when no slice is known of both. */
export function meanDistance(a: readonly number[], b: readonly number[]): number {
  return meanOfKnown(a.map((value, slice) => Math.abs(value - (b[slice] ?? Number.NaN))));
}

/** Mean of the values that are known; NaN without one. */
export function meanOfKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

function byGauge(make: (key: GaugeKey) => readonly number[]): PoolCurves {
  return { running: make("running"), waiting: make("waiting"), kvCacheRatio: make("kvCacheRatio") };
}
