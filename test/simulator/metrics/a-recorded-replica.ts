import { createRandom } from "../../../src/lib/random.ts";
import { counterNames, gaugeNames, histogramNames } from "../../../simulator/metrics/metric-names.ts";
import type { EndpointSeries } from "../../../simulator/metrics/recorded-metrics.ts";
import type { ReplicaConfig } from "../../../simulator/replica/config.ts";
import { createReplica } from "../../../simulator/replica/replica.ts";

/** A load that rises and falls, so that batch, context and prefill do not move together. */
export interface RecordedLoad {
  readonly seed: number;
  readonly seconds: number;
  readonly sampleMs: number;
  /** Mean rate of requests. */
  readonly ratePerSecond: number;
}

/** What a scrape of one emulated engine in virtual time would have recorded. */
export function recordReplica(
  config: ReplicaConfig,
  { seed, seconds, sampleMs, ratePerSecond }: RecordedLoad,
): EndpointSeries {
  const replica = createReplica(config);
  const random = createRandom(seed);
  const rows: { readonly atMs: number; readonly values: Readonly<Record<string, number>> }[] = [];
  let [nowMs, nextArrivalMs, nextSampleMs, id, outputSteps] = [0, 0, 0, 0, 0];
  const endMs = seconds * 1000;
  const sample = (atMs: number): void => {
    const { waiting, running, kvCacheRatio, promptTokens, generationTokens, finishedRequests, ...others } =
      replica.load();
    const { preemptions, prefixQueryTokens, prefixHitTokens } = others;
    const totals = {
      promptTokens,
      generationTokens,
      finishedRequests,
      preemptions,
      prefixQueryTokens,
      prefixHitTokens,
    };
    rows.push({ atMs, values: { waiting, running, kvCacheRatio, ...totals, outputSteps } });
  };
  let stepEndMs = replica.startStep(nowMs);
  while (nowMs < endMs) {
    const wakeMs = stepEndMs ?? replica.wakeAtMs() ?? Number.POSITIVE_INFINITY;
    nowMs = Math.min(nextArrivalMs, wakeMs, nextSampleMs);
    if (nowMs === nextSampleMs) {
      sample(nowMs);
      nextSampleMs += sampleMs;
      continue;
    }
    if (nowMs === nextArrivalMs) {
      const phase = Math.sin((nowMs / 1000) * 0.05);
      const long = Math.sin((nowMs / 1000) * 0.021) > 0;
      const promptTokens = Math.round((long ? 2500 : 200) * (0.5 + random()));
      const outputTokens = Math.round((long ? 60 : 250) * (0.5 + random()));
      replica.submit(
        { id: id++, promptTokens, outputTokens, blockHashes: new Float64Array(0), adapter: undefined },
        nowMs,
      );
      nextArrivalMs += (-Math.log(1 - random()) * 1000) / (ratePerSecond * (1 + 0.8 * phase));
      if (stepEndMs === undefined) stepEndMs = replica.startStep(nowMs);
      continue;
    }
    if (stepEndMs !== undefined && replica.finishStep().some(({ kind }) => kind === "token")) outputSteps++;
    stepEndMs = replica.startStep(nowMs);
  }
  return toSeries(rows, config);
}

function toSeries(
  rows: readonly { readonly atMs: number; readonly values: Readonly<Record<string, number>> }[],
  config: ReplicaConfig,
): EndpointSeries {
  const column = (name: string): Float64Array => Float64Array.from(rows, ({ values }) => values[name] ?? Number.NaN);
  const none = { bounds: [], buckets: [], sum: column("none"), count: column("none") };
  return {
    endpoint: "replica",
    timesMs: Float64Array.from(rows, ({ atMs }) => atMs),
    gauges: Object.fromEntries(gaugeNames.map((name) => [name, column(name)])) as EndpointSeries["gauges"],
    counters: Object.fromEntries(counterNames.map((name) => [name, column(name)])) as EndpointSeries["counters"],
    histograms: {
      ...(Object.fromEntries(histogramNames.map((name) => [name, none])) as unknown as EndpointSeries["histograms"]),
      stepTokens: { ...none, count: column("outputSteps") },
    },
    adapters: rows.map(() => undefined),
    blockSizeTokens: config.blockSizeTokens,
    kvBlocks: Math.floor(config.kvTokens / config.blockSizeTokens),
    resets: 0,
    repeatedRatio: 0,
  };
}
