import type { LogHistogram } from "./log-histogram.ts";
import type { RequestTable } from "./request-table.ts";

/** How a request ended; `failed`: its replica died under it. */
export const outcomes = ["completed", "refused", "unfinished", "failed"] as const;
export type Outcome = (typeof outcomes)[number];

/**
 * State of the pool over time, sampled at equal distances: `values[sample * replicas + replica]`. A replica that is not there has
 * no requests and an empty cache; one that leaves is shown until it has answered all, also beside the one that came back.
 */
export interface PoolSeries {
  readonly stepMs: number;
  readonly samples: number;
  readonly waiting: Float32Array;
  readonly running: Float32Array;
  /** Of two incarnations the greater. */
  readonly kvCacheRatio: Float32Array;
  /** Prompt tokens looked up in the prefix cache, and found, since the start, by all incarnations. */
  readonly prefixQueryTokens: Float64Array;
  readonly prefixHitTokens: Float64Array;
}

/** Totals of one replica, of all its incarnations. */
export interface ReplicaTotals {
  /** Requests it was given. */
  readonly requests: number;
  /** Time with a step under way. */
  readonly busyMs: number;
  readonly preemptions: number;
  readonly adapterLoads: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
  readonly prefixQueryTokens: number;
  readonly prefixHitTokens: number;
}

/** What one run of one policy over one load gives; column i belongs to row i of `requests`. */
export interface SimulationRun {
  readonly requests: RequestTable;
  /** Arrival as it was, ms; differs from the intended one only in a closed loop. NaN: it never came to it. */
  readonly arrivedMs: Float64Array;
  /** When the picker had decided, ms; NaN: never. */
  readonly decidedMs: Float64Array;
  /** Replica of the pool that got it, whatever its incarnation; -1: none. */
  readonly replica: Int16Array;
  /** When it was with the client; NaN: never. */
  readonly firstTokenMs: Float64Array;
  readonly lastTokenMs: Float64Array;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: Uint32Array;
  /** Index into `outcomes`. */
  readonly outcome: Uint8Array;
  /** Gaps between tokens, ms, one for each token after the first. */
  readonly itlMs: LogHistogram;
  readonly replicas: readonly ReplicaTotals[];
  readonly series: PoolSeries;
  /** Decisions that a picker made. */
  readonly decisions: number;
  /** Of the refused requests those that a server refused: too long for it, or with an adapter that it does not serve. */
  readonly tooLong: number;
  /** Pickers were told the true length of every answer: a bound on what is possible, to be labelled as such. */
  readonly hasOracleLengths: boolean;
  /** When the pool first changes, ms; Infinity: never. */
  readonly firstChangeMs: number;
  /** End of the last event, ms. */
  readonly endMs: number;
}
