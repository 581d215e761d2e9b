import { outcomes } from "../engine/simulation-run.ts";
import type { CountedRows } from "./counted-rows.ts";

/** Latencies of the requests that neither were refused nor failed, in order of arrival, and what became of all of them. */
export interface RequestLatencies {
  readonly ttftMs: Float64Array;
  readonly tpotMs: Float64Array;
  readonly e2eMs: Float64Array;
  /** Requests that met every objective; by row, counted from the first that counts. */
  readonly isGood: Uint8Array;
  readonly good: number;
  readonly refused: number;
  readonly unfinished: number;
  readonly failed: number;
}

const [completed, unfinished] = [outcomes.indexOf("completed"), outcomes.indexOf("unfinished")];
/** The client was told no before the last token: nothing to measure. */
const [refused, failed] = [outcomes.indexOf("refused"), outcomes.indexOf("failed")];

/**
 * Measures from the intended arrival, in a closed loop from the arrival as it was. What is unfinished counts with the time that it
 * has waited, which is less than it would have been: leaving it out would flatter whoever overloads a server.
 */
export function requestLatencies({ run, from, slo }: CountedRows): RequestLatencies {
  const { requests, outcome, firstTokenMs, lastTokenMs, endMs } = run;
  const count = requests.count - from;
  const [ttftMs, tpotMs, e2eMs] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  const isGood = new Uint8Array(count);
  const became = new Uint32Array(outcomes.length);
  let [served, several, good] = [0, 0, 0];
  for (let row = from; row < requests.count; row++) {
    const code = outcome[row] as number;
    became[code] = (became[code] as number) + 1;
    if (code === refused || code === failed) continue;
    const isComplete = code === completed;
    const start = run.arrivedMs[row] as number;
    // Of a closed loop, behind a request that never ended.
    if (Number.isNaN(start)) continue;
    const first = timeOr(firstTokenMs[row], endMs);
    const last = isComplete ? (lastTokenMs[row] as number) : endMs;
    ttftMs[served] = first - start;
    e2eMs[served] = last - start;
    served++;
    if (!isComplete) continue;
    const gaps = (requests.outputTokens[row] as number) - 1;
    const tpot = gaps > 0 ? (last - first) / gaps : 0;
    if (gaps > 0) tpotMs[several++] = tpot;
    if (first - start > slo.ttftMs || tpot > slo.tpotMs) continue;
    isGood[row - from] = 1;
    good++;
  }
  return {
    ttftMs: ttftMs.subarray(0, served),
    tpotMs: tpotMs.subarray(0, several),
    e2eMs: e2eMs.subarray(0, served),
    isGood,
    good,
    refused: became[refused] as number,
    unfinished: became[unfinished] as number,
    failed: became[failed] as number,
  };
}

function timeOr(timeMs: number | undefined, absent: number): number {
  return timeMs === undefined || Number.isNaN(timeMs) ? absent : timeMs;
}
