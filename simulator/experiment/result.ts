import { basename } from "node:path";
import { type Interval, meanInterval, meanOf } from "../statistics/interval.ts";
import { groupMeans } from "../statistics/nested-spread.ts";
import type { RunSummary } from "../statistics/run-summary.ts";
import type { Spread } from "../statistics/spread.ts";
import type { WarmUp } from "../statistics/warm-up.ts";
import { comparePair, type PairedResult, type Side } from "./compare.ts";
import { type Figure, figures } from "./figures.ts";
import { type FigureSpread, figureSpread } from "./figure-spread.ts";
import type { Knee } from "./knee.ts";
import type { Cell, ExperimentPlan, Job, Variation } from "./plan.ts";
import type { RunDetail } from "./run-detail.ts";
import type { JobResult } from "./run-job.ts";

/** Latencies of one policy: each figure is taken per seed, then averaged over the seeds; ms. */
export type MeanSpread = Spread;

/** One policy under one condition. All numbers are means over the seeds, of reconstructions too. */
export interface PolicyResult {
  readonly name: string;
  readonly ttftMs: MeanSpread;
  readonly itlMs: MeanSpread;
  readonly e2eMs: MeanSpread;
  /** Requests a second that meet every objective. */
  readonly goodput: number;
  readonly outputTokensPerSecond: number;
  readonly prefixHitRatio: number;
  readonly preemptions: number;
  readonly decisions: number;
  readonly refused: number;
  readonly tpotMs: MeanSpread;
  readonly attainment: number;
  readonly requestsPerSecond: number;
  readonly inputTokensPerSecond: number;
  readonly unfinished: number;
  /** Their replica died under them. */
  readonly failed: number;
  readonly adapterLoads: number;
  /** The busiest replica's share over the mean share. */
  readonly maxOverMean: number;
  readonly busyRatio: number;
  readonly jainReplicas: number;
  readonly jainClasses: number | null;
  /** Of requests, by replica. */
  readonly share: readonly number[];
  readonly classes: readonly { readonly name: string; readonly [figure: string]: unknown }[];
  /** 95 % t intervals by figure, over seeds or over reconstructions; null with one. */
  readonly intervals: Readonly<Record<string, readonly [low: number, high: number] | null>>;
  /** By figure, one value a run; those of one reconstruction are behind each other. */
  readonly bySeed: Readonly<Record<string, readonly number[]>>;
  /** By figure; only of a load that was reconstructed. */
  readonly spreads?: Readonly<Record<string, FigureSpread>>;
}

/** The policies under one condition. */
export interface CellResult extends Cell {
  /** Requests a second that arrive, after the warm-up. */
  readonly offeredPerSecond: number;
  /** When the last request arrives, ms; the earliest of all seeds. */
  readonly lastArrivalMs: number;
  /** The greatest cut of all seeds. */
  readonly warmUp: WarmUp;
  /** Requests that count, mean over the seeds. */
  readonly counted: number;
  readonly policies: readonly PolicyResult[];
  /** Each policy against every earlier one; with more than six policies against the first. */
  readonly paired: readonly PairedResult[];
  /** How each coefficient alone moves the pairs; empty when they were not varied. */
  readonly tornado: readonly TornadoBar[];
}

/** What a coefficient 30 % lower and 30 % higher makes of the TTFT p99 of `a` over that of `b`, minus 1. */
export interface TornadoBar {
  readonly a: string;
  readonly b: string;
  readonly factor: string;
  readonly low: number;
  readonly high: number;
}

/** What an experiment found. */
export interface ExperimentResult {
  readonly plan: ExperimentPlan;
  /** Name of the trace or scenario. */
  readonly trace: string;
  readonly requests: number;
  readonly cells: readonly CellResult[];
  /** Curves of the first seed of the first condition, by policy; empty when not wanted. */
  readonly details: readonly RunDetail[];
  readonly knees: readonly Knee[];
}

/** With more policies each is compared with the first alone. */
const mostInAllPairs = 6;

/** Puts the results of `jobs` together; `results[i]` is that of `jobs[i]`. */
export function assembleResult(
  plan: ExperimentPlan,
  jobs: readonly Job[],
  results: readonly JobResult[],
  knees: readonly Knee[] = [],
): ExperimentResult {
  const cells = plan.cells.map((cell) => {
    const ofCell = jobs.flatMap((job, i) =>
      sameCell(job.cell, cell) ? [{ job, result: results[i] as JobResult }] : [],
    );
    return assembleCell(plan, cell, ofCell);
  });
  return {
    plan,
    trace: basename(plan.load.source),
    requests: results[0]?.requests ?? 0,
    cells,
    details: results.find(({ details }) => details !== undefined)?.details ?? [],
    knees,
  };
}

interface Done {
  readonly job: Job;
  readonly result: JobResult;
}

function assembleCell(plan: ExperimentPlan, cell: Cell, done: readonly Done[]): CellResult {
  const { policies, reconstructions, seeds, gate } = plan;
  const runsEach = reconstructions === undefined ? undefined : seeds;
  const seeded = done.filter(({ job }) => job.variation === undefined).map(({ result }) => result);
  const varied = done.filter(({ job }) => job.variation !== undefined);
  const sides = policies.map(
    ({ name }, i): Side => ({
      name,
      runs: seeded.map(({ runs }) => runs[i] as RunSummary),
      varied: varied.map(({ result }) => result.runs[i] as RunSummary),
    }),
  );
  // The later policy is measured against the earlier one: baselines are given first.
  const isFew = sides.length <= mostInAllPairs;
  const pairs = sides.flatMap((a, i) =>
    sides.slice(0, isFew ? i : Math.min(i, 1)).map((b) => ({ a, b, runsEach, gate })),
  );
  const variations = varied.map(({ job }) => job.variation as Variation);
  return {
    ...cell,
    offeredPerSecond: meanOf(seeded.map(({ runs }) => runs[0]?.offeredPerSecond ?? Number.NaN)),
    lastArrivalMs: Math.min(...seeded.map(({ lastArrivalMs }) => lastArrivalMs)),
    warmUp: seeded.map(({ warmUp }) => warmUp).reduce((a, b) => (b.cutMs > a.cutMs ? b : a)),
    counted: meanOf(seeded.map(({ runs }) => runs[0]?.requests ?? Number.NaN)),
    policies: sides.map((side) => assemblePolicy(side, runsEach)),
    paired: pairs.flatMap(comparePair),
    tornado: pairs.flatMap(({ a, b }) => tornadoOf(a, b, variations)),
  };
}

function assemblePolicy({ name, runs }: Side, runsEach: number | undefined): PolicyResult {
  const mean = (read: (run: RunSummary) => number): number => meanOf(runs.map(read));
  const spread = (read: (run: RunSummary) => Spread): MeanSpread => ({
    mean: mean((run) => read(run).mean),
    p50: mean((run) => read(run).p50),
    p90: mean((run) => read(run).p90),
    p99: mean((run) => read(run).p99),
    p95: mean((run) => read(run).p95),
    max: mean((run) => read(run).max),
  });
  const ofFigures = <T>(make: (values: readonly number[], figure: Figure) => T): Record<string, T> =>
    Object.fromEntries(figures.map((figure) => [figure.metric, make(runs.map(figure.read), figure)]));
  return {
    name,
    ttftMs: spread(({ ttftMs }) => ttftMs),
    itlMs: spread(({ itlMs }) => itlMs),
    e2eMs: spread(({ e2eMs }) => e2eMs),
    goodput: mean(({ goodput }) => goodput),
    outputTokensPerSecond: mean(({ outputTokensPerSecond }) => outputTokensPerSecond),
    prefixHitRatio: mean(({ prefixHitRatio }) => prefixHitRatio),
    preemptions: mean(({ preemptions }) => preemptions),
    decisions: mean(({ decisions }) => decisions),
    refused: mean(({ refused }) => refused),
    tpotMs: spread(({ tpotMs }) => tpotMs),
    attainment: mean(({ attainment }) => attainment),
    requestsPerSecond: mean(({ requestsPerSecond }) => requestsPerSecond),
    inputTokensPerSecond: mean(({ inputTokensPerSecond }) => inputTokensPerSecond),
    unfinished: mean(({ unfinished }) => unfinished),
    failed: mean(({ failed }) => failed),
    adapterLoads: mean(({ adapterLoads }) => adapterLoads),
    maxOverMean: mean(({ maxOverMean }) => maxOverMean),
    busyRatio: mean(({ busyRatio }) => busyRatio),
    jainReplicas: mean(({ jainReplicas }) => jainReplicas),
    jainClasses: nullIfNan(mean(({ jainClasses }) => jainClasses)),
    share: (runs[0]?.share ?? []).map((_, i) => mean(({ share }) => share[i] as number)),
    classes: assembleClasses(runs),
    intervals: ofFigures((values) => bounds(meanInterval(groupMeans(values, runsEach ?? 1)))),
    bySeed: ofFigures((values) => values),
    ...(runsEach !== undefined && { spreads: ofFigures((values) => figureSpread(values, runsEach)) }),
  };
}

function assembleClasses(runs: readonly RunSummary[]): PolicyResult["classes"] {
  const names = [...new Set(runs.flatMap(({ classes }) => classes.map(({ name }) => name)))].toSorted();
  return names.map((name) => {
    const same = runs.flatMap(({ classes }) => classes.filter((one) => one.name === name));
    const mean = (read: (one: (typeof same)[number]) => number): number => meanOf(same.map(read));
    return {
      name,
      requests: mean(({ requests }) => requests),
      ttftMs: {
        mean: mean(({ ttftMs }) => ttftMs.mean),
        p50: mean(({ ttftMs }) => ttftMs.p50),
        p99: mean(({ ttftMs }) => ttftMs.p99),
      },
      e2eMs: {
        mean: mean(({ e2eMs }) => e2eMs.mean),
        p50: mean(({ e2eMs }) => e2eMs.p50),
        p99: mean(({ e2eMs }) => e2eMs.p99),
      },
      attainment: mean(({ attainment }) => attainment),
      refused: mean(({ refused }) => refused),
      failed: mean(({ failed }) => failed),
    };
  });
}

function tornadoOf(a: Side, b: Side, variations: readonly Variation[]): TornadoBar[] {
  const ratio = (at: number): number =>
    (a.varied[at]?.ttftMs.p99 ?? Number.NaN) / (b.varied[at]?.ttftMs.p99 ?? Number.NaN) - 1;
  const bars: TornadoBar[] = [];
  for (const [at, { alone }] of variations.entries()) {
    // A factor's lower end stands right before its upper one.
    if (alone === undefined || variations[at + 1]?.alone !== alone) continue;
    bars.push({ a: a.name, b: b.name, factor: alone, low: ratio(at), high: ratio(at + 1) });
  }
  return bars;
}

/** Whether two conditions are one. */
export function sameCell(a: Cell, b: Cell): boolean {
  return a.rateScale === b.rateScale && a.replicas === b.replicas && a.scrapeMs === b.scrapeMs;
}

function bounds({ low, high }: Interval): readonly [number, number] | null {
  return Number.isFinite(low) ? [low, high] : null;
}

function nullIfNan(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
