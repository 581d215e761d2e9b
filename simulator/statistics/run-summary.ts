import { outcomes, type SimulationRun } from "../engine/simulation-run.ts";
import { type ClassSummary, summarizeClasses } from "./class-summary.ts";
import type { CountedRows, Slo } from "./counted-rows.ts";
import { jainIndex } from "./jain.ts";
import { requestLatencies } from "./request-latencies.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** The figures of one run; those of requests are of the ones that are meant to arrive after the warm-up (simulator 3.6). */
export interface RunSummary {
  /** Requests that count. */
  readonly requests: number;
  /** From the intended arrival; one that has no first token at the end counts with the time it has waited. */
  readonly ttftMs: Spread;
  /** Per request of two tokens and more: mean time between its tokens. */
  readonly tpotMs: Spread;
  /** Per token, of the whole run. */
  readonly itlMs: Spread;
  /** From the intended arrival to the last token; unfinished ones count as in `ttftMs`. */
  readonly e2eMs: Spread;
  /** Good requests a second of the time in which requests arrive. Refused, failed and unfinished ones are not good. */
  readonly goodput: number;
  /** Share of the requests that are good. */
  readonly attainment: number;
  /** Requests that arrive a second. */
  readonly offeredPerSecond: number;
  /** Completed ones, over the time from the cut to the last token. */
  readonly requestsPerSecond: number;
  readonly inputTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly refused: number;
  readonly unfinished: number;
  /** Their replica died under them. */
  readonly failed: number;
  /** Prompt tokens from the prefix cache over prompt tokens. */
  readonly prefixHitRatio: number;
  /** Of the whole run, as are the following. */
  readonly preemptions: number;
  readonly adapterLoads: number;
  readonly decisions: number;
  /** Of the requests, by replica. */
  readonly share: readonly number[];
  /** The busiest replica's share over the mean share. */
  readonly maxOverMean: number;
  /** Share of the time with a step under way, mean over the replicas. */
  readonly busyRatio: number;
  /** Evenness of the tokens that replicas computed and generated. */
  readonly jainReplicas: number;
  /** Evenness of the output tokens that classes got of what they asked for; NaN with one class. */
  readonly jainClasses: number;
  /** Each model and adapter apart; none when there is one. */
  readonly classes: readonly ClassSummary[];
}

/** Sums up a run without what is meant to arrive before `cutMs`. */
export function summarizeRun(run: SimulationRun, cutMs: number, slo: Slo): RunSummary {
  const from = firstRowFrom(run, cutMs);
  const rows: CountedRows = { run, from, slo };
  const { requests, replicas } = run;
  const latencies = requestLatencies(rows);
  const count = requests.count - from;
  const first = count > 0 ? (requests.arrivalMs[from] as number) : 0;
  const offeredSeconds = (lastArrival(run) - first) / 1000;
  const servedSeconds = (run.endMs - first) / 1000;
  const ended = completedTotals(rows);
  const given = replicas.map((replica) => replica.requests);
  const allGiven = given.reduce((sum, number) => sum + number, 0);
  const share = given.map((number) => number / allGiven);
  const total = (read: (replica: (typeof replicas)[number]) => number): number =>
    replicas.reduce((sum, replica) => sum + read(replica), 0);
  const classes = summarizeClasses(rows, latencies.isGood);
  return {
    requests: count,
    ttftMs: spreadOf(latencies.ttftMs),
    tpotMs: spreadOf(latencies.tpotMs),
    itlMs: {
      mean: run.itlMs.mean,
      p50: run.itlMs.quantile(0.5),
      p90: run.itlMs.quantile(0.9),
      p99: run.itlMs.quantile(0.99),
      p95: run.itlMs.quantile(0.95),
      max: run.itlMs.quantile(1),
    },
    e2eMs: spreadOf(latencies.e2eMs),
    goodput: latencies.good / offeredSeconds,
    attainment: latencies.good / count,
    offeredPerSecond: count / offeredSeconds,
    requestsPerSecond: ended.requests / servedSeconds,
    inputTokensPerSecond: ended.promptTokens / servedSeconds,
    outputTokensPerSecond: ended.outputTokens / servedSeconds,
    refused: latencies.refused,
    unfinished: latencies.unfinished,
    failed: latencies.failed,
    prefixHitRatio: ended.cachedTokens / ended.promptTokens,
    preemptions: total(({ preemptions }) => preemptions),
    adapterLoads: total(({ adapterLoads }) => adapterLoads),
    decisions: run.decisions,
    share,
    maxOverMean: Math.max(...share) * share.length,
    busyRatio: total(({ busyMs }) => busyMs) / run.endMs / replicas.length,
    jainReplicas: jainIndex(replicas.map(({ promptTokens, generationTokens }) => promptTokens + generationTokens)),
    jainClasses: jainIndex(classes.map(({ servedRatio }) => servedRatio)),
    classes,
  };
}

/** When the last request of a run has arrived, ms; 0 when none has. */
export function lastArrival({ arrivedMs }: SimulationRun): number {
  let last = 0;
  for (const arrived of arrivedMs) if (arrived > last) last = arrived;
  return last;
}

/** First row that is meant to arrive at `cutMs` or later. */
export function firstRowFrom({ requests }: SimulationRun, cutMs: number): number {
  let row = 0;
  while (row < requests.count && (requests.arrivalMs[row] as number) < cutMs) row++;
  return row;
}

interface CompletedTotals {
  requests: number;
  promptTokens: number;
  outputTokens: number;
  cachedTokens: number;
}

function completedTotals({ run, from }: CountedRows): CompletedTotals {
  const totals = { requests: 0, promptTokens: 0, outputTokens: 0, cachedTokens: 0 };
  const completed = outcomes.indexOf("completed");
  for (let row = from; row < run.requests.count; row++) {
    if (run.outcome[row] !== completed) continue;
    totals.requests++;
    totals.promptTokens += run.requests.promptTokens[row] as number;
    totals.outputTokens += run.requests.outputTokens[row] as number;
    totals.cachedTokens += run.cachedTokens[row] as number;
  }
  return totals;
}
