import type { RecordedSample } from "../../src/recording/line.ts";
import { arrivalOf, type RecordedRun, runningOf } from "../recording/recorded-run.ts";
import { distributionOf } from "./distribution.ts";
import type { PoolObservation } from "./gate.ts";
import { TimeMean } from "./time-mean.ts";

/** What a recording says of the pool and of the picker that served it. */
export interface RecordedPool {
  readonly observation: PoolObservation;
  /** The first config. */
  readonly configText: string;
  /** Whether signals were corrected between scrapes. */
  readonly corrections: boolean;
  /** Endpoints of the largest pool. */
  readonly endpoints: number;
  /** Median time between two samples of an endpoint, ms; NaN with none. */
  readonly scrapeMs: number;
  /** What a reader should know, each a sentence. */
  readonly notes: readonly string[];
}

/**
 * Reads what the pool showed while requests came, from the first to the last of them. Latencies are those of streamed responses: of
 * others nobody saw the first token. Throws an error that names the recording when it has no config.
 */
export function observeRecording(run: RecordedRun): RecordedPool {
  const { samples, configs, endpoints, header, files } = run;
  const [configText] = configs;
  if (configText === undefined) {
    const file = files[0] ?? header.recording;
    throw new Error(`Cannot simulate the recorded policy of "${file}": found no config, expected that of the picker`);
  }
  const mean = meansWhileRequestsCame(run);
  return {
    observation: {
      running: mean(runningOf),
      waiting: mean(({ waiting }) => waiting ?? Number.NaN),
      kvCacheRatio: mean(({ kv }) => kv ?? Number.NaN),
      ...latenciesOf(run),
    },
    configText,
    corrections: header.corrections,
    endpoints,
    scrapeMs: medianGap(samples.values()),
    notes: configs.length > 1 ? [`The config changed ${configs.length - 1} times; the first one was simulated.`] : [],
  };
}

function latenciesOf({ requests }: RecordedRun): Pick<PoolObservation, "ttftMs" | "itlMs" | "tpotMs"> {
  const ttftMs: number[] = [];
  const tpotMs: number[] = [];
  for (const { pick, firstMs, done } of requests) {
    if (pick.streaming !== true || firstMs === undefined) continue;
    ttftMs.push(firstMs - arrivalOf(pick));
    const gaps = (done?.outputTokens ?? 0) - 1;
    if (done?.cause === "completed" && gaps > 0) tpotMs.push((done.atMs - firstMs) / gaps);
  }
  return { ttftMs: distributionOf(ttftMs), itlMs: undefined, tpotMs: distributionOf(tpotMs) };
}

/** Reads means over the endpoints of their means over time; NaN when none is known. */
function meansWhileRequestsCame({
  samples,
  requests,
}: RecordedRun): (read: (sample: RecordedSample) => number) => number {
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { pick } of requests) {
    fromMs = Math.min(fromMs, arrivalOf(pick));
    toMs = Math.max(toMs, arrivalOf(pick));
  }
  return (read) => {
    const means = [...samples.values()].map((ofOne) => {
      const mean = new TimeMean(fromMs, toMs);
      for (const sample of ofOne) mean.set(sample.atMs, read(sample));
      return mean.end();
    });
    const known = means.filter((mean) => !Number.isNaN(mean));
    return known.reduce((sum, mean) => sum + mean, 0) / known.length;
  };
}

function medianGap(samples: Iterable<readonly RecordedSample[]>): number {
  const gaps = [...samples].flatMap((ofOne) => ofOne.slice(1).map(({ atMs }, i) => atMs - (ofOne[i]?.atMs ?? atMs)));
  const sorted = gaps.filter((ms) => ms > 0).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
