import { errorOfFigure, type GateResult } from "../gate/gate.ts";
import { type Interval, meanOf, pairedDifference, spansZero } from "../statistics/interval.ts";
import { groupMeans } from "../statistics/nested-spread.ts";
import type { RunSummary } from "../statistics/run-summary.ts";
import { type FigureSpread, figureSpread } from "./figure-spread.ts";
import { type Figure, figures } from "./figures.ts";

/** What can be said of one figure of two policies. */
export type Verdict = "better" | "worse" | "undecided";

/** One figure of two policies on the same requests, seed by seed. */
export interface PairedResult {
  readonly a: string;
  readonly b: string;
  readonly metric: string;
  /** Mean over the seeds, or over reconstructions, of what `a` has more than `b`. */
  readonly difference: number;
  /** Ends of its 95 % t interval; null with one seed. */
  readonly low: number | null;
  readonly high: number | null;
  /** The same over the mean of `b`. */
  readonly relative: { readonly difference: number | null; readonly low: number | null; readonly high: number | null };
  /** Of `a` against `b`. */
  readonly verdict: Verdict;
  /**
   * Why it is undecided: one seed, the interval holds zero, the gate's error is greater, or varied coefficients turn the order round; else
   * null.
   */
  readonly because: "seeds" | "interval" | "gate" | "coefficients" | null;
  /** Share of the runs with varied coefficients that keep the order; null without such runs. */
  readonly kept: number | null;
  /** How the difference varies; only of a load that was reconstructed. */
  readonly spread?: FigureSpread;
}

/** The figures of two policies under one condition; the lists are equally long and paired by position. */
export interface Pair {
  readonly a: Side;
  readonly b: Side;
  /** Runs in a row that are seeds of one reconstruction; absent: each is a seed of its own. */
  readonly runsEach?: number | undefined;
  /** Differences below its errors say nothing; absent: there was no gate. */
  readonly gate?: GateResult | undefined;
}

/** One policy of a pair. */
export interface Side {
  readonly name: string;
  /** By seed. */
  readonly runs: readonly RunSummary[];
  /** By variation of the coefficients. */
  readonly varied: readonly RunSummary[];
}

/** An order must hold in this share of the runs with varied coefficients (simulator 3.3). */
const leastKept = 0.9;

/** Every figure of a pair. */
export function comparePair(pair: Pair): PairedResult[] {
  return figures.map((figure) => compareFigure(pair, figure));
}

function compareFigure({ a, b, runsEach, gate }: Pair, figure: Figure): PairedResult {
  const [left, right] = [a.runs.map(figure.read), b.runs.map(figure.read)];
  const differences = left.map((value, i) => value - (right[i] as number));
  const interval = pairedDifference(groupMeans(left, runsEach ?? 1), groupMeans(right, runsEach ?? 1));
  const base = Math.abs(meanOf(right));
  const kept = keptShare(a.varied.map(figure.read), b.varied.map(figure.read), interval.mean);
  const isWithinGate = Math.abs(interval.mean / base) <= gateError(gate, figure.metric);
  const because = reasonOfDoubt(a.runs.length, interval, isWithinGate, kept);
  const isBetter = figure.better === "lower" ? interval.mean < 0 : interval.mean > 0;
  const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    a: a.name,
    b: b.name,
    metric: figure.metric,
    difference: interval.mean,
    low: orNull(interval.low),
    high: orNull(interval.high),
    relative: {
      difference: orNull(interval.mean / base),
      low: orNull(interval.low / base),
      high: orNull(interval.high / base),
    },
    verdict: because === null ? (isBetter ? "better" : "worse") : "undecided",
    because,
    kept,
    ...(runsEach !== undefined && { spread: figureSpread(differences, runsEach) }),
  };
}

function gateError(gate: GateResult | undefined, metric: string): number {
  if (gate === undefined || gate.isIgnored === true) return 0;
  return errorOfFigure(gate.errors, metric) ?? 0;
}

function reasonOfDoubt(
  seeds: number,
  interval: Interval,
  isWithinGate: boolean,
  kept: number | null,
): PairedResult["because"] {
  if (seeds < 2) return "seeds";
  if (spansZero(interval)) return "interval";
  if (isWithinGate) return "gate";
  return kept !== null && kept < leastKept ? "coefficients" : null;
}

function keptShare(left: readonly number[], right: readonly number[], difference: number): number | null {
  if (left.length === 0) return null;
  const kept = left.filter((value, i) => Math.sign(value - (right[i] as number)) === Math.sign(difference));
  return kept.length / left.length;
}
