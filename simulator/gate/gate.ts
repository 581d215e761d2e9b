import { type Distribution, distributionDistance } from "./distribution.ts";
import { type GaugeKey, meanDistance, type PoolCurves, type Slices } from "./pool-curves.ts";

/** What a pool showed, recorded or simulated: means over endpoints and time; NaN is unknown. */
export interface PoolObservation {
  readonly running: number;
  readonly waiting: number;
  readonly kvCacheRatio: number;
  /** The same over time. */
  readonly curves: PoolCurves;
  /** undefined unknown. */
  readonly ttftMs: Distribution | undefined;
  /** Per token. */
  readonly itlMs: Distribution | undefined;
  /** Per request: mean time between its tokens. */
  readonly tpotMs: Distribution | undefined;
  readonly e2eMs: Distribution | undefined;
}

/** One line of the gate's table. Plain data without NaN. */
export interface GateRow {
  readonly what: string;
  /** null: unknown, or a distribution. */
  readonly recorded: number | null;
  readonly simulated: number | null;
  /** Difference of means, over time its mean over the slices, distance of distributions; null: unknown. */
  readonly error: number | null;
  /** The greatest error that passes; null: unknown or not judged. */
  readonly allowed: number | null;
  /** null: not known or not judged, it does not count. */
  readonly passes: boolean | null;
}

/** How far a simulated mean is off, over the recorded one; null: not known. */
export interface GateErrors {
  readonly ttftMs: number | null;
  readonly itlMs: number | null;
  readonly e2eMs: number | null;
  /** The greatest known of all, those of the gauges too; that of waiting requests is over all requests there. */
  readonly greatest: number | null;
}

/** How well the simulator reproduces what was recorded. Plain data. */
export interface GateResult {
  /** The policy that was recorded. */
  readonly policy: string;
  readonly rows: readonly GateRow[];
  /** Every known row passes, and there is one. */
  readonly passes: boolean;
  readonly errors: GateErrors;
  /** Both over time, null unknown. */
  readonly overTime: { readonly sliceMs: number; readonly recorded: GateCurves; readonly simulated: GateCurves };
  /** Policies are ranked whatever was found. */
  readonly isIgnored?: boolean;
  /** What a reader should know of the comparison, each a sentence. */
  readonly notes: readonly string[];
}

export type GateCurves = Readonly<Record<GaugeKey, readonly (number | null)[]>>;

const mostRelative = { running: 0.1, kvCacheRatio: 0.1, waiting: 0.2 } as const;
const mostWaiting = 1;
const mostDistance = 0.1;
/** Sums of shares are exact to this. */
const rounding = 1e-9;

/** What is known of both sides of a comparison. */
export interface Comparison {
  readonly policy: string;
  readonly recorded: PoolObservation;
  readonly simulated: PoolObservation;
  /** The window that both are of. */
  readonly window: Slices;
  readonly notes: readonly string[];
}

/** The gate's result. */
export function passJudgement({ policy, recorded, simulated, window, notes }: Comparison): GateResult {
  const rows = judge(recorded, simulated);
  const overTime = {
    sliceMs: (window.toMs - window.fromMs) / window.count,
    recorded: plainCurves(recorded.curves),
    simulated: plainCurves(simulated.curves),
  };
  return { policy, rows, passes: isAccepted(rows), errors: errorsOf(recorded, simulated), overTime, notes };
}

/**
 * Compares a simulation of the recorded policy with the record (simulator 3.4): mean running requests and KV cache within 10 %,
 * waiting within one request or 20 %, distance of the distributions of TTFT and ITL at most 0.1; the other rows are told. What is
 * not known on one side is left out.
 */
export function judge(recorded: PoolObservation, simulated: PoolObservation): readonly GateRow[] {
  const gauge = (name: GaugeKey, what: string, least = 0): GateRow[] => {
    const allowed = Math.max(least, mostRelative[name] * recorded[name]);
    const overTime = meanDistance(recorded.curves[name], simulated.curves[name]);
    return [
      meanRow(what, recorded[name], simulated[name], allowed),
      { ...untold(`${what}, over time`), error: numberOrNull(overTime) },
    ];
  };
  const latency = (name: "ttftMs" | "itlMs" | "tpotMs" | "e2eMs", what: string, isJudged: boolean): GateRow[] => {
    const [one, other] = [recorded[name], simulated[name]];
    const distance = distanceRow(`${what} distribution`, one, other);
    const mean = meanRow(`${what} mean, ms`, one?.mean ?? Number.NaN, other?.mean ?? Number.NaN);
    return [isJudged ? distance : { ...distance, allowed: null, passes: null }, mean];
  };
  return [
    ...gauge("running", "running requests"),
    ...gauge("kvCacheRatio", "KV cache ratio"),
    ...gauge("waiting", "waiting requests", mostWaiting),
    ...latency("ttftMs", "TTFT", true),
    ...latency("itlMs", "ITL", true),
    // Means of requests are so close together in a calm pool that microseconds move all of them past each other.
    ...latency("tpotMs", "TPOT", false),
    ...latency("e2eMs", "E2E", false),
  ];
}

/** Whether every known row passes, and there is one. */
export function isAccepted(rows: readonly GateRow[]): boolean {
  const known = rows.filter(({ passes }) => passes !== null);
  return known.length > 0 && known.every(({ passes }) => passes === true);
}

/** The error below which a difference of a figure says nothing; null: not known. `metric` as in `figures`. */
export function errorOfFigure(errors: GateErrors, metric: string): number | null {
  const [name = ""] = metric.split(".");
  const own = name === "ttftMs" || name === "itlMs" || name === "e2eMs" ? errors[name] : null;
  return own ?? errors.greatest;
}

function errorsOf(recorded: PoolObservation, simulated: PoolObservation): GateErrors {
  const ofMean = (name: "ttftMs" | "itlMs" | "e2eMs"): number =>
    relativeError(recorded[name]?.mean ?? Number.NaN, simulated[name]?.mean ?? Number.NaN);
  const latencies = { ttftMs: ofMean("ttftMs"), itlMs: ofMean("itlMs"), e2eMs: ofMean("e2eMs") };
  const all = [
    ...Object.values(latencies),
    relativeError(recorded.running, simulated.running),
    relativeError(recorded.kvCacheRatio, simulated.kvCacheRatio),
    relativeError(recorded.waiting, simulated.waiting, recorded.running + recorded.waiting),
  ].filter((error) => !Number.isNaN(error));
  return {
    ttftMs: numberOrNull(latencies.ttftMs),
    itlMs: numberOrNull(latencies.itlMs),
    e2eMs: numberOrNull(latencies.e2eMs),
    greatest: all.length === 0 ? null : Math.max(...all),
  };
}

/** NaN when it is not known or there is nothing to relate it to. */
function relativeError(recorded: number, simulated: number, base = recorded): number {
  return base > 0 ? Math.abs(simulated - recorded) / base : Number.NaN;
}

function untold(what: string): GateRow {
  return { what, recorded: null, simulated: null, error: null, allowed: null, passes: null };
}

/** `allowed`: absent, it is not judged. */
function meanRow(what: string, recorded: number, simulated: number, allowed?: number): GateRow {
  const error = Math.abs(simulated - recorded);
  const numbers = {
    recorded: numberOrNull(recorded),
    simulated: numberOrNull(simulated),
    error: numberOrNull(error),
  };
  if (Number.isNaN(error) || allowed === undefined) return { ...untold(what), ...numbers };
  return { what, ...numbers, allowed, passes: error <= allowed + rounding };
}

function distanceRow(what: string, recorded: Distribution | undefined, simulated: Distribution | undefined): GateRow {
  if (recorded === undefined || simulated === undefined) return untold(what);
  const error = distributionDistance(recorded, simulated);
  return { ...untold(what), error, allowed: mostDistance, passes: error <= mostDistance + rounding };
}

function plainCurves({ running, waiting, kvCacheRatio }: PoolCurves): GateCurves {
  return {
    running: running.map(numberOrNull),
    waiting: waiting.map(numberOrNull),
    kvCacheRatio: kvCacheRatio.map(numberOrNull),
  };
}

function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
