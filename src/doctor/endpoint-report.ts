import { printableText } from "../lib/printable-text.ts";
import { explainFailure } from "./failure-advice.ts";
import { sampleAgeMs } from "./load-findings.ts";
import { judgeMetrics, type MetricVerdict } from "./metric-verdict.ts";
import {
  type FailedRead,
  lastFailure,
  type Observation,
  pagesOf,
  type RankLoad,
  type ReadPage,
} from "./observation.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** What was found out about one endpoint. Unknown values are absent. */
export interface EndpointReport {
  /** `namespace/name`. */
  readonly id: string;
  /** Where requests go. */
  readonly address: string;
  /** Where the page is. */
  readonly metricsAddress: string;
  readonly engine: { readonly name: string; readonly from: "label" | "default" };
  readonly reads: { readonly done: number; readonly failed: number };
  /** Of the last read that failed. */
  readonly failure?: { readonly reason: FailedRead["reason"]; readonly status?: number; readonly message: string };
  /** Of the reads that succeeded; absent when none did. */
  readonly page?: PageReport;
  readonly metrics: readonly MetricReport[];
  /** At most 64, sorted; `rankCount` counts all. */
  readonly ranks: readonly RankReport[];
  readonly rankCount: number;
  /** What the picker takes from the last page: sums of the ranks, and their mean KV use by blocks; absent without a page. */
  readonly signals?: SignalsReport;
}

/** Sizes and times of an endpoint's pages. */
export interface PageReport {
  readonly bytes: Spread;
  /** Of the last page. */
  readonly lines: number;
  readonly fetchMs: Spread;
  /** Two reads gave different pages; absent after a single read. */
  readonly changes?: boolean;
  /** Age of the newest timestamp on the page; absent for pages without timestamps. */
  readonly ageMs?: number;
}

/** One wanted metric. */
export interface MetricReport extends Omit<MetricVerdict, "wanted"> {
  readonly signal: string;
  /** The metric as the table of engines or the config names it. */
  readonly metric: string;
}

/** One rank over all reads. */
export interface RankReport {
  readonly rank: string;
  readonly waitingRequests: Spread | undefined;
  readonly runningRequests: Spread | undefined;
  readonly kvCacheRatio: Spread | undefined;
}

/** Values of signals; undefined: unknown. */
export interface SignalsReport {
  readonly waitingRequests: number | undefined;
  readonly runningRequests: number | undefined;
  readonly kvCacheRatio: number | undefined;
  readonly blockSizeTokens: number | undefined;
  readonly blocks: number | undefined;
}

const maxRanks = 64;

/** Puts together what was seen of an endpoint; `path` is that of its page. */
export function describeEndpoint(observation: Observation, path: string): EndpointReport {
  const { id, servingAddress, metricsAddress, engine, reads } = observation;
  const pages = pagesOf(observation);
  const last = pages.at(-1);
  const failure = lastFailure(observation);
  const ranks = ranksOf(pages.flatMap(({ facts }) => facts.ranks));
  const page = describePage(observation);
  return {
    id,
    address: servingAddress,
    metricsAddress,
    engine: { name: engine.metrics.engine, from: engine.isLabelKnown ? "label" : "default" },
    reads: { done: reads.length, failed: reads.length - pages.length },
    ...(failure === undefined ? {} : { failure: describeFailure(failure, metricsAddress, path) }),
    ...(page === undefined ? {} : { page }),
    metrics: last === undefined ? [] : judgeMetrics(last).map(describeMetric),
    ranks: ranks.slice(0, maxRanks),
    rankCount: ranks.length,
    ...(last === undefined ? {} : { signals: describeSignals(last) }),
  };
}

function describeSignals({ reading }: ReadPage): SignalsReport {
  const { waitingRequests, runningRequests, kvCacheRatio, cacheInfo } = reading.signals;
  return {
    waitingRequests: waitingRequests ?? undefined,
    runningRequests: runningRequests ?? undefined,
    kvCacheRatio: kvCacheRatio ?? undefined,
    blockSizeTokens: cacheInfo?.blockSizeTokens,
    blocks: cacheInfo?.blocks,
  };
}

function describeFailure(failure: FailedRead, address: string, path: string): EndpointReport["failure"] & object {
  const { reason, status } = failure;
  const { message } = explainFailure(failure, address, path);
  return status === undefined ? { reason, message } : { reason, status, message };
}

function describePage(observation: Observation): PageReport | undefined {
  const pages = pagesOf(observation);
  const good = observation.reads.filter(({ result }) => result.kind === "page");
  const bytes = spreadOf(pages.map(({ reading }) => reading.bytes));
  const fetchMs = spreadOf(good.map(({ durationMs }) => durationMs));
  const last = pages.at(-1);
  if (bytes === undefined || fetchMs === undefined || last === undefined) return undefined;
  const ageMs = sampleAgeMs(observation);
  const digests = new Set(pages.map(({ facts }) => facts.digest));
  return {
    bytes,
    lines: last.facts.lines,
    fetchMs,
    ...(pages.length < 2 ? {} : { changes: digests.size > 1 }),
    ...(ageMs === undefined ? {} : { ageMs }),
  };
}

function describeMetric({ wanted, ...verdict }: MetricVerdict): MetricReport {
  return { signal: wanted.signal, metric: wanted.text, ...verdict };
}

function ranksOf(loads: readonly RankLoad[]): RankReport[] {
  const byRank = new Map<string, RankLoad[]>();
  for (const load of loads) {
    const same = byRank.get(load.rank);
    if (same === undefined) byRank.set(load.rank, [load]);
    else same.push(load);
  }
  return Array.from(byRank, ([rank, same]) => ({
    rank: printableText(rank, 20),
    waitingRequests: spreadOf(same.map(({ waitingRequests }) => waitingRequests)),
    runningRequests: spreadOf(same.map(({ runningRequests }) => runningRequests)),
    kvCacheRatio: spreadOf(same.map(({ kvCacheRatio }) => kvCacheRatio)),
  }));
}
