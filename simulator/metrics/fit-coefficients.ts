import type { StepCoefficients } from "../replica/config.ts";
import { type BusyInterval, busyIntervals, type IntervalOptions } from "./busy-intervals.ts";
import { conditionNumber, type LinearProblem, solveBounded } from "./least-squares.ts";
import type { EndpointSeries } from "./recorded-metrics.ts";

/** Coefficients that recorded totals can tell; attention is not among them. */
export const fittedNames = ["baseMs", "perRequestUs", "perContextTokenUs", "perPrefillTokenUs"] as const;
export type FittedName = (typeof fittedNames)[number];
export type FittedCoefficients = Pick<StepCoefficients, FittedName>;

/** What is known beforehand. */
export interface FitOptions extends IntervalOptions {
  /** What the hardware cannot do better than, in the units of the coefficients. */
  readonly floors: FittedCoefficients;
}

/** Coefficients of a step, fitted to recorded metrics. */
export interface CoefficientFit {
  readonly coefficients: FittedCoefficients;
  /** Coefficients that stayed at their floor: the record does not say that they are above it. */
  readonly atFloor: readonly FittedName[];
  /** Stretches that were fitted, and those held out. */
  readonly intervals: number;
  readonly heldOut: number;
  /** Share of the variance of step times explained, over the fitted stretches; below 0: worse than their mean. */
  readonly rSquared: number;
  /** Mean of |predicted - recorded| / recorded step time over the last fifth of the time, which was not fitted. */
  readonly heldOutError: number;
  /** Of the scaled columns; above some 30 single coefficients cannot be told apart, only their sum. */
  readonly conditionNumber: number;
}

/** What pages must show for a fit. */
export const neededMetrics = "running, kv cache, generated and prompt tokens, steps or times between tokens";

const heldOutShare = 0.2;
const leastIntervals = 12;
const rounds = 25;
/** Units of the columns: a coefficient in µs times its count is µs, the step time is in ms. */
const unitsMs: Readonly<Record<FittedName, number>> = {
  baseMs: 1,
  perRequestUs: 1e-3,
  perContextTokenUs: 1e-3,
  perPrefillTokenUs: 1e-3,
};

/**
 * Fits the time of a step (simulator 1.3, without attention) to what endpoints with equal hardware showed. Throws an error when fewer
 * than 12 stretches of work without a pause are left to fit.
 */
export function fitCoefficients(endpoints: readonly EndpointSeries[], options: FitOptions): CoefficientFit {
  return fitStretches(
    endpoints.flatMap((series) => busyIntervals(series, options)),
    options.floors,
    neededMetrics,
  );
}

/**
 * Fits to stretches of any servers with equal hardware: least squares with floors, outliers weighted down (Huber), the last fifth of the
 * time held out. Throws an error, which says that `needed` is, when fewer than 12 are left to fit.
 */
export function fitStretches(
  stretches: readonly BusyInterval[],
  floors: FittedCoefficients,
  needed: string,
): CoefficientFit {
  const intervals = stretches.toSorted((a, b) => a.atMs - b.atMs);
  const first = intervals[0]?.atMs ?? 0;
  const splitMs = first + (1 - heldOutShare) * ((intervals.at(-1)?.atMs ?? 0) - first);
  const fitted = intervals.filter(({ atMs }) => atMs <= splitMs);
  const heldOut = intervals.filter(({ atMs }) => atMs > splitMs);
  if (fitted.length < leastIntervals) {
    throw new Error(
      `Cannot fit coefficients: ${fitted.length} stretches of work without a pause, expected at least ${leastIntervals} (${needed} are needed)`,
    );
  }
  const lower = fittedNames.map((name) => floors[name]);
  const { solution, problem } = solveRobustly(fitted, lower);
  const coefficients = Object.fromEntries(fittedNames.map((name, j) => [name, solution.coefficients[j] as number]));
  const predict = predictor(solution.coefficients);
  return {
    coefficients: coefficients as Record<FittedName, number>,
    atFloor: fittedNames.filter((_, j) => solution.atBound[j]),
    intervals: fitted.length,
    heldOut: heldOut.length,
    rSquared: rSquared(fitted, predict),
    heldOutError: meanError(heldOut, predict),
    conditionNumber: conditionNumber(problem),
  };
}

/** Fits again and again with less weight on what is far off. */
function solveRobustly(
  intervals: readonly BusyInterval[],
  lower: readonly number[],
): { readonly solution: ReturnType<typeof solveBounded>; readonly problem: LinearProblem } {
  const columns = fittedNames.map((name) => Float64Array.from(intervals, (interval) => columnOf(interval, name)));
  const target = Float64Array.from(intervals, ({ stepMs }) => stepMs);
  // The error of a mean over n steps falls with n; that of the count of steps at the ends of a stretch too.
  const base = Float64Array.from(intervals, ({ steps, stepMs }) => steps / stepMs ** 2);
  let problem: LinearProblem = { columns, target, weights: base };
  let solution = solveBounded(problem, lower);
  for (let round = 0; round < rounds; round++) {
    const predict = predictor(solution.coefficients);
    const scaled = intervals.map(
      (interval, i) => Math.sqrt(base[i] as number) * Math.abs(interval.stepMs - predict(interval)),
    );
    // 1.345 times the deviation keeps 95 % of the efficiency for normal errors; 1.4826 makes one of the median.
    const bend = 1.345 * 1.4826 * medianOf(scaled);
    if (bend < 1e-9) break;
    const weights = base.map((weight, i) => weight * Math.min(1, bend / Math.max(scaled[i] as number, 1e-300)));
    problem = { columns, target, weights };
    solution = solveBounded(problem, lower);
  }
  return { solution, problem };
}

function columnOf(interval: BusyInterval, name: FittedName): number {
  const value = {
    baseMs: 1,
    perRequestUs: interval.generated,
    perContextTokenUs: interval.contextTokens,
    perPrefillTokenUs: interval.computed,
  };
  return value[name] * unitsMs[name];
}

function predictor(coefficients: readonly number[]): (interval: BusyInterval) => number {
  return (interval) =>
    fittedNames.reduce((sum, name, j) => sum + (coefficients[j] as number) * columnOf(interval, name), 0);
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function rSquared(intervals: readonly BusyInterval[], predict: (interval: BusyInterval) => number): number {
  const mean = intervals.reduce((sum, { stepMs }) => sum + stepMs, 0) / intervals.length;
  const spread = intervals.reduce((sum, { stepMs }) => sum + (stepMs - mean) ** 2, 0);
  return 1 - intervals.reduce((sum, interval) => sum + (interval.stepMs - predict(interval)) ** 2, 0) / spread;
}

function meanError(intervals: readonly BusyInterval[], predict: (interval: BusyInterval) => number): number {
  if (intervals.length === 0) return Number.NaN;
  const errors = intervals.map((interval) => Math.abs(predict(interval) - interval.stepMs) / interval.stepMs);
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}
