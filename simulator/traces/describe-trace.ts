import { none, type RequestTable } from "../engine/request-table.ts";

/** Statistics of lengths, tokens; a quantile is the least length that so many lengths do not exceed. */
export interface LengthStatistics {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a load is like. */
export interface TraceStatistics {
  readonly requests: number;
  /** From the first arrival to the last, ms; of requests that follow on others the earliest counts. */
  readonly spanMs: number;
  /** Requests a second over the span; NaN when it is 0. */
  readonly ratePerSecond: number;
  /** Standard deviation of the gaps between arrivals over their mean: 1 of a Poisson process, more with bursts; NaN without a gap. */
  readonly gapCv: number;
  readonly promptTokens: LengthStatistics;
  readonly outputTokens: LengthStatistics;
  /** Requests that follow on the end of another. */
  readonly followers: number;
  /** Sessions of more than one request. */
  readonly sessions: number;
  readonly adapters: number;
  /**
   * Share of the blocks of all prompts, parts of blocks included, that a cache without a limit, shared by all servers, would
   * have: no policy can reach more. 0 when nothing is known of prefixes.
   */
  readonly prefixHitRatio: number;
}

/** Statistics of a load, over its requests in the order of their intended arrival. */
export function describeTrace(requests: RequestTable): TraceStatistics {
  const { count, arrivalMs, afterRow, adapters } = requests;
  const spanMs = count === 0 ? 0 : (arrivalMs[count - 1] as number) - (arrivalMs[0] as number);
  return {
    requests: count,
    spanMs,
    ratePerSecond: spanMs > 0 ? count / (spanMs / 1000) : Number.NaN,
    gapCv: gapCv(arrivalMs),
    promptTokens: lengthStatistics(requests.promptTokens),
    outputTokens: lengthStatistics(requests.outputTokens),
    followers: afterRow.reduce((sum, row) => sum + Number(row !== none), 0),
    sessions: countSessions(requests),
    adapters: adapters.length,
    prefixHitRatio: prefixHitRatio(requests),
  };
}

function gapCv(arrivalMs: Float64Array): number {
  const gaps = arrivalMs.subarray(1).map((atMs, i) => atMs - (arrivalMs[i] as number));
  if (gaps.length === 0) return Number.NaN;
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  return Math.sqrt(variance) / mean;
}

function lengthStatistics(lengths: Uint32Array): LengthStatistics {
  const sorted = lengths.toSorted();
  const quantile = (ratio: number): number => sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? Number.NaN;
  const mean = sorted.reduce((sum, length) => sum + length, 0) / sorted.length;
  return { mean, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
}

function countSessions({ session }: RequestTable): number {
  const [once, more] = [new Set<number>(), new Set<number>()];
  for (const key of session) if (key !== none) (once.has(key) ? more : once).add(key);
  return more.size;
}

function prefixHitRatio({ count, blockStart, blocks, promptTokens, blockTokens }: RequestTable): number {
  const seen = new Set<number>();
  let [hits, total] = [0, 0];
  for (let row = 0; row < count; row++) {
    const [from, tokens] = [blockStart[row] as number, promptTokens[row] as number];
    const end = blockStart[row + 1] as number;
    const promptEnd = Math.min(end, from + Math.floor(tokens / blockTokens));
    total += Math.ceil(tokens / blockTokens);
    let at = from;
    while (at < promptEnd && seen.has(blocks[at] as number)) at++;
    hits += at - from;
    for (; at < end; at++) seen.add(blocks[at] as number);
  }
  return total === 0 ? 0 : hits / total;
}
