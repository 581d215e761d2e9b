import type { RecordedSample } from "../../src/recording/line.ts";
import { arrivalOf, type RecordedRun, runningOf } from "../recording/recorded-run.ts";
import { distributionOf } from "./distribution.ts";
import type { PoolObservation } from "./gate.ts";
import { type Latencies, observeServers } from "./observe-servers.ts";
import type { GaugeKey, Slices } from "./pool-curves.ts";
import { HeldValue } from "../statistics/held-value.ts";

/** What a recording says of the pool and of the picker that served it. */
export interface RecordedPool {
  /** What it showed within a window whose 0 is at `offsetMs` on the recording's clock. */
  readonly observe: (window: Slices, offsetMs: number) => PoolObservation;
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
 * Reads what a recording says of the pool. Latencies are those of streamed responses: of
 * others nobody saw the first token. Throws an error that names the recording when it has no config.
 */
export function observeRecording(run: RecordedRun): RecordedPool {
  const { samples, configs, endpoints, header, files } = run;
  const [configText] = configs;
  if (configText === undefined) {
    const file = files[0] ?? header.recording;
    throw new Error(`Cannot simulate the recorded policy of "${file}": found no config, expected that of the picker`);
  }
  const servers = [...samples.values()].map(serverOf);
  return {
    observe: (window, offsetMs) => observeServers(servers, latenciesOf(run), { window, offsetMs }),
    configText,
    corrections: header.corrections,
    endpoints,
    scrapeMs: medianGap(samples.values()),
    notes: configs.length > 1 ? [`The config changed ${configs.length - 1} times; the first one was simulated.`] : [],
  };
}

function latenciesOf({ requests }: RecordedRun): Latencies {
  const ttftMs: number[] = [];
  const tpotMs: number[] = [];
  const e2eMs: number[] = [];
  for (const { pick, firstMs, done } of requests) {
    if (done?.cause === "completed") e2eMs.push(done.atMs - arrivalOf(pick));
    if (pick.streaming !== true || firstMs === undefined) continue;
    ttftMs.push(firstMs - arrivalOf(pick));
    const gaps = (done?.outputTokens ?? 0) - 1;
    if (done?.cause === "completed" && gaps > 0) tpotMs.push((done.atMs - firstMs) / gaps);
  }
  return {
    ttftMs: distributionOf(ttftMs),
    itlMs: undefined,
    tpotMs: distributionOf(tpotMs),
    e2eMs: distributionOf(e2eMs),
  };
}

function serverOf(samples: readonly RecordedSample[]): Readonly<Record<GaugeKey, HeldValue>> {
  const held = (read: (sample: RecordedSample) => number): HeldValue =>
    new HeldValue(samples.map((sample) => ({ atMs: sample.atMs, value: read(sample) })));
  return {
    running: held(runningOf),
    waiting: held(({ waiting }) => waiting ?? Number.NaN),
    kvCacheRatio: held(({ kv }) => kv ?? Number.NaN),
  };
}

function medianGap(samples: Iterable<readonly RecordedSample[]>): number {
  const gaps = [...samples].flatMap((ofOne) => ofOne.slice(1).map(({ atMs }, i) => atMs - (ofOne[i]?.atMs ?? atMs)));
  const sorted = gaps.filter((ms) => ms > 0).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
