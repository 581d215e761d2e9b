import type { RecordedPick, RecordedSample } from "../../src/recording/line.ts";
import type { OpenedRecording } from "../recording/read-recording.ts";
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

interface Gathered {
  readonly samples: Map<number, RecordedSample[]>;
  readonly picks: Map<number, RecordedPick>;
  readonly firstMs: Map<number, number>;
  readonly ttftMs: number[];
  readonly tpotMs: number[];
  readonly configs: string[];
  endpoints: number;
  fromMs: number;
  toMs: number;
}

/**
 * Reads what the pool showed while requests came, from the first to the last of them. Latencies are those of streamed responses: of
 * others nobody saw the first token. Throws an error that names the recording when it has no config.
 */
export function observeRecording(recording: OpenedRecording): RecordedPool {
  const gathered = gather(recording);
  const { samples, configs, ttftMs, tpotMs, endpoints } = gathered;
  const [configText] = configs;
  if (configText === undefined) {
    const file = recording.files[0] ?? recording.header.recording;
    throw new Error(`Cannot simulate the recorded policy of "${file}": found no config, expected that of the picker`);
  }
  const mean = (read: (sample: RecordedSample) => number): number => meanOverPool(gathered, read);
  return {
    observation: {
      running: mean(runningOf),
      waiting: mean(({ waiting }) => waiting ?? Number.NaN),
      kvCacheRatio: mean(({ kv }) => kv ?? Number.NaN),
      ttftMs: distributionOf(ttftMs),
      itlMs: undefined,
      tpotMs: distributionOf(tpotMs),
    },
    configText,
    corrections: recording.header.corrections,
    endpoints,
    scrapeMs: medianGap(samples.values()),
    notes: configs.length > 1 ? [`The config changed ${configs.length - 1} times; the first one was simulated.`] : [],
  };
}

function gather(recording: OpenedRecording): Gathered {
  const into: Gathered = {
    samples: new Map(),
    picks: new Map(),
    firstMs: new Map(),
    ttftMs: [],
    tpotMs: [],
    configs: [],
    endpoints: 0,
    fromMs: Number.POSITIVE_INFINITY,
    toMs: Number.NEGATIVE_INFINITY,
  };
  const pool = new Set<string>();
  for (const line of recording.lines()) {
    if (line.kind === "config" && line.text !== into.configs.at(-1)) into.configs.push(line.text);
    else if (line.kind === "pool") {
      pool.clear();
      for (const { id } of line.endpoints) pool.add(id);
    } else if (line.kind === "endpoint") pool.add(line.endpoint.id);
    else if (line.kind === "gone") pool.delete(line.id);
    else takeLoad(into, line);
    into.endpoints = Math.max(into.endpoints, pool.size);
  }
  return into;
}

function takeLoad(
  into: Gathered,
  line: ReturnType<OpenedRecording["lines"]> extends Generator<infer Line> ? Line : never,
): void {
  if (line.kind === "sample") {
    const known = into.samples.get(line.e);
    if (known === undefined) into.samples.set(line.e, [line]);
    else known.push(line);
  } else if (line.kind === "pick") {
    const atMs = arrivalOf(line);
    into.fromMs = Math.min(into.fromMs, atMs);
    into.toMs = Math.max(into.toMs, atMs);
    if (line.streaming === true) into.picks.set(line.n, line);
  } else if (line.kind === "first") {
    const pick = into.picks.get(line.n);
    if (pick === undefined) return;
    into.ttftMs.push(line.atMs - arrivalOf(pick));
    into.firstMs.set(line.n, line.atMs);
  } else if (line.kind === "done") {
    const first = into.firstMs.get(line.n);
    const gaps = (line.outputTokens ?? 0) - 1;
    if (first !== undefined && gaps > 0 && line.cause === "completed") into.tpotMs.push((line.atMs - first) / gaps);
    into.picks.delete(line.n);
    into.firstMs.delete(line.n);
  }
}

function arrivalOf({ arrivedAtMs, decidedAtMs }: RecordedPick): number {
  return arrivedAtMs ?? decidedAtMs;
}

/** Some engines count waiting requests among the running ones. */
function runningOf({ running, waiting, runningIsTotal }: RecordedSample): number {
  if (runningIsTotal !== true) return running ?? Number.NaN;
  return Math.max(0, (running ?? Number.NaN) - (waiting ?? Number.NaN));
}

/** Mean over the endpoints of their means over time; NaN when none is known. */
function meanOverPool({ samples, fromMs, toMs }: Gathered, read: (sample: RecordedSample) => number): number {
  const means = [...samples.values()].map((ofOne) => {
    const mean = new TimeMean(fromMs, toMs);
    for (const sample of ofOne) mean.set(sample.atMs, read(sample));
    return mean.end();
  });
  const known = means.filter((mean) => !Number.isNaN(mean));
  return known.reduce((sum, mean) => sum + mean, 0) / known.length;
}

function medianGap(samples: Iterable<readonly RecordedSample[]>): number {
  const gaps = [...samples].flatMap((ofOne) => ofOne.slice(1).map(({ atMs }, i) => atMs - (ofOne[i]?.atMs ?? atMs)));
  const sorted = gaps.filter((ms) => ms > 0).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
