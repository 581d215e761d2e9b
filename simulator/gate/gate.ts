import { type Distribution, distributionDistance } from "./distribution.ts";

/** What a pool showed, recorded or simulated: means over endpoints and time; NaN is unknown. */
export interface PoolObservation {
  readonly running: number;
  readonly waiting: number;
  readonly kvCacheRatio: number;
  /** undefined unknown. */
  readonly ttftMs: Distribution | undefined;
  /** Per token. */
  readonly itlMs: Distribution | undefined;
  /** Per request: mean time between its tokens. */
  readonly tpotMs: Distribution | undefined;
}

/** One line of the gate's table. Plain data without NaN. */
export interface GateRow {
  readonly what: string;
  /** null: unknown, or a distribution. */
  readonly recorded: number | null;
  readonly simulated: number | null;
  /** Difference of gauges, distance of distributions; null: unknown. */
  readonly error: number | null;
  /** The greatest error that passes; null: unknown or not judged. */
  readonly allowed: number | null;
  /** null: not known or not judged, it does not count. */
  readonly passes: boolean | null;
}

/** How well the simulator reproduces what was recorded. Plain data. */
export interface GateResult {
  /** The policy that was recorded. */
  readonly policy: string;
  readonly rows: readonly GateRow[];
  /** Every known row passes, and there is one. */
  readonly passes: boolean;
  /** What a reader should know of the comparison, each a sentence. */
  readonly notes: readonly string[];
}

const mostRelative = { running: 0.1, kvCacheRatio: 0.1, waiting: 0.2 } as const;
const mostWaiting = 1;
const mostDistance = 0.1;
/** Sums of shares are exact to this. */
const rounding = 1e-9;

/**
 * Compares a simulation of the recorded policy with the record (simulator 3.4): mean running requests and KV cache within 10 %,
 * waiting within one request or 20 %, distance of the distributions of TTFT and ITL at most 0.1; that of TPOT is told. What is not known on one side is left out.
 */
export function judge(recorded: PoolObservation, simulated: PoolObservation): readonly GateRow[] {
  const gauge = (name: keyof typeof mostRelative, what: string, least = 0): GateRow => {
    const allowed = Math.max(least, mostRelative[name] * recorded[name]);
    return gaugeRow(what, recorded[name], simulated[name], allowed);
  };
  return [
    gauge("running", "running requests"),
    gauge("kvCacheRatio", "KV cache ratio"),
    gauge("waiting", "waiting requests", mostWaiting),
    distanceRow("TTFT", recorded.ttftMs, simulated.ttftMs),
    distanceRow("ITL", recorded.itlMs, simulated.itlMs),
    // Means of requests are so close together in a calm pool that microseconds move all of them past each other.
    { ...distanceRow("TPOT", recorded.tpotMs, simulated.tpotMs), allowed: null, passes: null },
  ];
}

/** Whether every known row passes, and there is one. */
export function isAccepted(rows: readonly GateRow[]): boolean {
  const known = rows.filter(({ passes }) => passes !== null);
  return known.length > 0 && known.every(({ passes }) => passes === true);
}

function gaugeRow(what: string, recorded: number, simulated: number, allowed: number): GateRow {
  const error = Math.abs(simulated - recorded);
  const isKnown = !Number.isNaN(error);
  return {
    what,
    recorded: numberOrNull(recorded),
    simulated: numberOrNull(simulated),
    error: numberOrNull(error),
    allowed: isKnown ? allowed : null,
    passes: isKnown ? error <= allowed + rounding : null,
  };
}

function distanceRow(what: string, recorded: Distribution | undefined, simulated: Distribution | undefined): GateRow {
  const isKnown = recorded !== undefined && simulated !== undefined;
  const error = isKnown ? distributionDistance(recorded, simulated) : null;
  const passes = error === null ? null : error <= mostDistance + rounding;
  return {
    what: `${what} distribution`,
    recorded: null,
    simulated: null,
    error,
    allowed: isKnown ? mostDistance : null,
    passes,
  };
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
