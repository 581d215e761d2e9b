import { LogHistogram } from "../../simulator/engine/log-histogram.ts";
import { none, type RequestTable } from "../../simulator/engine/request-table.ts";
import { outcomes, type PoolSeries, type SimulationRun } from "../../simulator/engine/simulation-run.ts";

/** One request of a hand-made run; times in ms. */
export interface RunRow {
  readonly arrivalMs: number;
  /** After the arrival; absent: never. */
  readonly ttftMs?: number;
  readonly e2eMs?: number;
  readonly outcome?: (typeof outcomes)[number];
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
  readonly replica?: number;
  readonly adapter?: number;
  readonly priority?: number;
}

/** What a hand-made run has beside its rows. */
export interface RunExtras {
  readonly replicas?: number;
  readonly adapters?: readonly string[];
  readonly series?: PoolSeries;
  readonly endMs?: number;
}

/** A run with these requests, which must ascend by arrival. Requests go to replica 0 and are completed unless told otherwise. */
export function aSimulationRun(rows: readonly RunRow[], extras: RunExtras = {}): SimulationRun {
  const { replicas = 2, adapters = [], series = aSeries([], replicas) } = extras;
  const first = rows.map(({ arrivalMs, ttftMs }) => arrivalMs + (ttftMs ?? Number.NaN));
  const last = rows.map(({ arrivalMs, e2eMs }) => arrivalMs + (e2eMs ?? Number.NaN));
  const itlMs = new LogHistogram();
  for (const [i, { outputTokens = 11 }] of rows.entries()) {
    const gap = ((last[i] as number) - (first[i] as number)) / (outputTokens - 1);
    if (gap > 0) itlMs.add(gap, outputTokens - 1);
  }
  return {
    requests: aTable(rows, adapters),
    arrivedMs: Float64Array.from(rows, ({ arrivalMs }) => arrivalMs),
    decidedMs: Float64Array.from(rows, ({ arrivalMs }) => arrivalMs),
    replica: Int16Array.from(rows, ({ replica = 0, outcome }) => (outcome === "refused" ? none : replica)),
    firstTokenMs: Float64Array.from(first),
    lastTokenMs: Float64Array.from(last),
    cachedTokens: Uint32Array.from(rows, ({ cachedTokens = 0 }) => cachedTokens),
    outcome: Uint8Array.from(rows, ({ outcome = "completed" }) => outcomes.indexOf(outcome)),
    itlMs,
    replicas: Array.from({ length: replicas }, (_, index) => {
      const own = rows.filter(({ replica = 0, outcome }) => replica === index && outcome !== "refused");
      return {
        requests: own.length,
        busyMs: 100 * own.length,
        preemptions: index,
        adapterLoads: 0,
        promptTokens: 100 * own.length,
        generationTokens: 10 * own.length,
        prefixQueryTokens: 100 * own.length,
        prefixHitTokens: 0,
      };
    }),
    series,
    decisions: rows.length,
    tooLong: 0,
    hasOracleLengths: false,
    firstChangeMs: Number.POSITIVE_INFINITY,
    endMs: extras.endMs ?? Math.max(0, ...last.filter((ms) => !Number.isNaN(ms))),
  };
}

function aTable(rows: readonly RunRow[], adapters: readonly string[]): RequestTable {
  return {
    count: rows.length,
    arrivalMs: Float64Array.from(rows, ({ arrivalMs }) => arrivalMs),
    afterRow: new Int32Array(rows.length).fill(none),
    delayMs: new Float64Array(rows.length),
    promptTokens: Uint32Array.from(rows, ({ promptTokens = 100 }) => promptTokens),
    outputTokens: Uint32Array.from(rows, ({ outputTokens = 11 }) => outputTokens),
    maxOutputTokens: new Uint32Array(rows.length),
    model: new Uint16Array(rows.length),
    models: ["base"],
    adapter: Int16Array.from(rows, ({ adapter = none }) => adapter),
    adapters,
    priority: Int32Array.from(rows, ({ priority = 0 }) => priority),
    session: new Int32Array(rows.length).fill(none),
    blockStart: new Uint32Array(rows.length + 1),
    blocks: new Uint32Array(0),
    blockTokens: 16,
  };
}

/** One sample of a hand-made series, the same on every replica. */
export interface SeriesSample {
  readonly running: number;
  /** Looked up and found since the start. */
  readonly queries?: number;
  readonly hits?: number;
}

/** A series with a sample a second. */
export function aSeries(samples: readonly SeriesSample[], replicas = 2): PoolSeries {
  const onEach = (read: (sample: SeriesSample) => number): number[] =>
    samples.flatMap((sample) => Array.from({ length: replicas }, () => read(sample)));
  return {
    stepMs: 1000,
    samples: samples.length,
    waiting: new Float32Array(samples.length * replicas),
    running: Float32Array.from(onEach(({ running }) => running)),
    kvCacheRatio: Float32Array.from(onEach(({ running }) => Math.min(1, running / 100))),
    prefixQueryTokens: Float64Array.from(onEach(({ queries = 0 }) => queries)),
    prefixHitTokens: Float64Array.from(onEach(({ hits = 0 }) => hits)),
  };
}
