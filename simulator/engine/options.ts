import type { Policy } from "../policies/policy.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { DecisionCost } from "./decision-cost.ts";
import type { RequestTable } from "./request-table.ts";

/** How one endpoint's metrics reach a picker. */
export interface ScrapeQuality {
  /** From one sample to the next, ms, above 0; default 50. Infinity: none is ever taken. */
  readonly scrapeMs: number;
  /** From the moment that a sample is of to its arrival at the picker, ms; default 0. */
  readonly delayMs: number;
  /** Added to that, anywhere from 0 to this, ms; default 0. */
  readonly jitterMs: number;
  /** Share of samples that never arrive, 0..1; default 0. */
  readonly lossRatio: number;
}

/** What pickers know, and when (simulator 3.2). */
export interface Information extends ScrapeQuality {
  /** What differs on single endpoints; `endpoints[i]` is of replica i. Default: nothing. */
  readonly endpoints: readonly (Partial<ScrapeQuality> | undefined)[];
  /** Pickers side by side, each with samples of its own, that share out the requests by chance; default 1. */
  readonly pickers: number;
  /** Time that a decision takes, by which requests queue before a picker; undefined: none. Default: as measured. */
  readonly decisionCost: DecisionCost | undefined;
  /** Pickers are told the true length of every answer as the client's bound; default false. */
  readonly oracleLengths: boolean;
  /** For tests: take each sample at its moment, not when it is needed. The result is the same; default false. */
  readonly eagerSamples: boolean;
}

/**
 * `joins`: is in the pool from now on, with an empty cache. `leaves`: takes no more requests and answers those that it has. `dies`:
 * the requests that it has fail, also while it leaves. `metrics-freeze`: its page shows what it shows now, as fresh as ever;
 * `metrics-thaw`: shows its state again.
 */
export type PoolChangeKind = "joins" | "leaves" | "dies" | "metrics-freeze" | "metrics-thaw";

/** Something that happens to one replica during a run. Pickers learn at once who is there, as from a watch. */
export interface PoolChange {
  /** At least 0. */
  readonly atMs: number;
  /** Index into the replicas of the pool. */
  readonly replica: number;
  readonly kind: PoolChangeKind;
}

/** The model servers of a run. */
export interface PoolOptions {
  /** One a replica; they may differ. At least one, at most 32,767 with those that come back. */
  readonly replicas: readonly ReplicaConfig[];
  /** `macro` jumps over steps in which nothing changes, `exact` takes each; both agree. Default `macro`. */
  readonly mode?: "macro" | "exact";
  /**
   * In order of time. A replica whose first change is that it joins is not there at the start; one that joins again is a new
   * incarnation, whatever still leaves. None happens once all requests have ended. Default: nothing happens.
   */
  readonly changes?: readonly PoolChange[];
}

/** What is simulated. */
export interface SimulationOptions {
  readonly requests: RequestTable;
  readonly pool: PoolOptions;
  readonly policy: Policy;
  /** Chance of the run: the same seed gives the same result to the last bit. Any finite number. */
  readonly seed: number;
  readonly information?: Partial<Information>;
  /** Nothing is done after this time, ms; default: the run goes on until the last request has ended. */
  readonly endMs?: number;
  /** How long clients wait for the last token, from their arrival, ms; then they go away. Default: for ever. */
  readonly timeoutMs?: number;
  /** From one value of the pool's series to the next, ms; default 1000. */
  readonly seriesMs?: number;
}
