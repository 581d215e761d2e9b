import { simulate } from "../engine/simulate.ts";
import { defaultSlo } from "../statistics/counted-rows.ts";
import { type Interval, meanInterval, meanOf } from "../statistics/interval.ts";
import { summarizeRun } from "../statistics/run-summary.ts";
import type { Anchor, AnchorFigure, AnchorLoad, Arm, ArmRun } from "./anchor.ts";
import { kendallTau } from "./kendall-tau.ts";

/** How an anchor is run. */
export interface AnchorSizing {
  /** Seeds 1 up to this; at least 1. */
  readonly seeds: number;
  /** Size of the load over the anchor's own, above 0 and at most 1; default 1. */
  readonly scale?: number;
}

/** One figure of one arm. */
export interface ArmFigure {
  readonly arm: string;
  readonly figure: AnchorFigure;
  readonly ours: Interval;
  /** One a seed. */
  readonly bySeed: readonly number[];
}

/** What an anchor gives. */
export interface AnchorResult {
  readonly anchor: Anchor;
  readonly seeds: number;
  readonly figures: readonly ArmFigure[];
  readonly claims: readonly { readonly text: string; readonly isMet: boolean }[];
  /** Of the arms with a published value of the ordering figure; NaN when there is no order. */
  readonly tau: number;
}

/** Arms that differ by less of the greater are alike, as the null test has it (A22). */
const alike = 0.05;

/** Runs every arm of an anchor on the same loads. */
export function runAnchor(anchor: Anchor, { seeds, scale = 1 }: AnchorSizing): AnchorResult {
  // A run of a large load takes much memory: only its figures are kept.
  const values = new Map<string, number[][]>(anchor.arms.map(({ name }) => [name, []]));
  for (let seed = 1; seed <= seeds; seed++) {
    const loads = anchor.loads(seed, scale);
    for (const arm of anchor.arms) {
      const runs = loads.map((load) => runArm(anchor, arm, load, seed));
      values.get(arm.name)?.push(anchor.figures.map(({ read }) => read(runs)));
    }
  }
  const figures = anchor.figures.flatMap((figure, at) =>
    anchor.arms.map(({ name }) => {
      const base = figure.over === undefined ? undefined : (values.get(figure.over) ?? []);
      const bySeed = (values.get(name) ?? []).map((row, i) => percentOver(row[at] as number, base?.[i]?.[at]));
      return { arm: name, figure, ours: meanInterval(bySeed), bySeed };
    }),
  );
  const valueOf = (label: string, arm: string): number => {
    const found = figures.find((one) => one.figure.label === label && one.arm === arm);
    if (found === undefined) throw new RangeError(`Cannot read figure "${label}" of "${arm}": unknown`);
    return meanOf(found.bySeed);
  };
  return {
    anchor,
    seeds,
    figures,
    claims: anchor.claims.map(({ text, holds }) => ({ text, isMet: holds(valueOf) })),
    tau: tauOf(anchor, valueOf),
  };
}

function percentOver(value: number, base: number | undefined): number {
  return base === undefined ? value : 100 * (value / base - 1);
}

function runArm(
  { replicas, timeoutMs }: Anchor,
  { policy, information = {} }: Arm,
  { requests, cutMs }: AnchorLoad,
  seed: number,
): ArmRun {
  const waiting = timeoutMs === undefined ? {} : { timeoutMs };
  const run = simulate({ requests, pool: { replicas }, policy, seed, information, ...waiting });
  return { run, cutMs, summary: summarizeRun(run, cutMs, defaultSlo) };
}

function tauOf({ arms, order }: Anchor, valueOf: (label: string, arm: string) => number): number {
  if (order === undefined) return Number.NaN;
  const { label, published } = order;
  const named = arms.filter(({ name }) => published[name] !== undefined).map(({ name }) => name);
  const theirs = named.map((name) => published[name] as number);
  const ours = named.map((name) => valueOf(label, name));
  return kendallTau(theirs, ours, (i, j) => {
    const [a, b] = [ours[i] as number, ours[j] as number];
    return Math.abs(a - b) < alike * Math.max(a, b);
  });
}
