import type { GateResult } from "../gate/gate.ts";
import type { Slo } from "../statistics/counted-rows.ts";
import type { FittedReplica } from "./fitted-replica.ts";

/** A policy by name, or an EndpointPickerConfig. Plain data: it travels to other threads and machines. */
export interface PolicySpec {
  /** What tables call it; differs from every other of the experiment. */
  readonly name: string;
  /** The config; absent: the built-in policy of that name. */
  readonly text?: string;
  /** Name of the config's file, for problems. */
  readonly file?: string;
  /** Whether a config's signals are corrected between scrapes; default true. */
  readonly corrections?: boolean;
}

/** Where requests come from. */
export interface LoadSpec {
  /** Of `metrics`, each reconstruction is a load of its own that agrees with them. */
  readonly kind: "trace" | "scenario" | "recording" | "metrics";
  /** Path of a trace, recording or metrics, name of a scenario. */
  readonly source: string;
  /** Arrivals as the trace has them, also where many share a rounded time. */
  readonly rawTimes: boolean;
  /** How another rate is made of it; see `changeLoad`. */
  readonly scaleBy: "time-warp" | "thinning";
  /** Turns of a session come at their own times, whatever became of the turn before. */
  readonly openLoop: boolean;
  /** Requests that are left, the first to arrive; absent: all. */
  readonly limit?: number;
}

/** What pickers know of endpoints beyond the scrape period, and the clients' patience. */
export interface Circumstances {
  readonly scrapeDelayMs: number;
  readonly scrapeJitterMs: number;
  /** Share of samples that are lost, 0..1. */
  readonly scrapeLossRatio: number;
  /** Pickers side by side. */
  readonly pickers: number;
  /** Policies see the true length of answers: a bound, no result. */
  readonly oracleLengths: boolean;
  /** How long clients wait for the last token; 0: for ever. */
  readonly timeoutMs: number;
}

/** What all runs of an experiment have in common. Plain data. */
export interface ExperimentPlan {
  readonly load: LoadSpec;
  readonly policies: readonly PolicySpec[];
  readonly preset: string;
  /** What counts instead of the preset's coefficients; absent: those of the preset. */
  readonly fitted?: FittedReplica;
  /** Conditions under which the policies are compared, in the order of the report. */
  readonly cells: readonly Cell[];
  /** First seed; further ones follow it. */
  readonly firstSeed: number;
  readonly seeds: number;
  /** Loads drawn from metrics, each run with `seeds` seeds; absent: the load is one, or comes with the seed. */
  readonly reconstructions?: number;
  readonly slo: Slo;
  /** `exact` takes every step by itself. */
  readonly mode: "macro" | "exact";
  /** Whether the cold start counts. */
  readonly isCold: boolean;
  readonly circumstances: Circumstances;
  /** Draws of all coefficients at once, beside each of them alone; 0: coefficients are not varied. */
  readonly draws: number;
  /** Servers of the pool that was recorded; absent: there is no record, or it names none. */
  readonly recordedReplicas?: number;
  /** How well the recorded policy was reproduced; absent: there is none. */
  readonly gate?: GateResult;
}

/** One condition: the policies meet the same load under it. */
export interface Cell {
  /** Requests come this many times as fast as the load has them. */
  readonly rateScale: number;
  readonly replicas: number;
  readonly scrapeMs: number;
}

/** What is varied for sensitivity, in the order of reports: c0, cK, cP, KV cache, scrape period. */
export const variedFactors = ["c0", "cK", "cP", "KV", "T"] as const;
export type Factors = Readonly<Record<(typeof variedFactors)[number], number>>;

/** Which changed coefficients a run has. */
export interface Variation {
  /** The one that is varied alone; absent: all at once. */
  readonly alone?: (typeof variedFactors)[number];
  readonly factors: Factors;
}

/** The unit of work: every policy of `policies` on the same requests with the same chance. */
export interface Job {
  readonly cell: Cell;
  readonly seed: number;
  /** Seed that the load is drawn with; absent: `seed`. */
  readonly loadSeed?: number;
  /** Indexes into the plan's policies. */
  readonly policies: readonly number[];
  readonly variation?: Variation;
  /** Whether curves over time are wanted beside the figures. */
  readonly isDetailed?: boolean;
}

/**
 * Every job of a plan, cell by cell: first its seeds, those of one reconstruction behind each other, then its variations. The order is
 * part of the format of shards.
 */
export function planJobs(plan: ExperimentPlan, variations: readonly Variation[], isDetailed = false): Job[] {
  const policies = plan.policies.map((_, i) => i);
  const { firstSeed, seeds, reconstructions } = plan;
  const loadSeed = (run: number): Pick<Job, "loadSeed"> =>
    reconstructions === undefined ? {} : { loadSeed: firstSeed + Math.floor(run / seeds) };
  return plan.cells.flatMap((cell, at) => [
    ...Array.from({ length: seeds * (reconstructions ?? 1) }, (_, i): Job => {
      const job: Job = { cell, seed: firstSeed + i, ...loadSeed(i), policies };
      return isDetailed && i === 0 && at === 0 ? { ...job, isDetailed } : job;
    }),
    ...variations.map((variation): Job => ({ cell, seed: firstSeed, ...loadSeed(0), policies, variation })),
  ]);
}
