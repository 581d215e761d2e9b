import { createRandom } from "../../src/lib/random.ts";
import { none, type RequestTable } from "../engine/request-table.ts";

/** How a load is changed. */
export interface LoadChange {
  /** Rate of the result over the rate of the load, above 0; default 1. */
  readonly rateScale?: number;
  /**
   * How the rate changes. `time-warp` (default): sessions begin closer together or further apart; within a session all stays as
   * it is, since users do not think faster. `thinning`: leaves sessions out by chance, for a scale of at most 1.
   */
  readonly scaleBy?: "time-warp" | "thinning";
  /** Requests that are left, the first to arrive; default all. */
  readonly limit?: number;
  /** Chance of thinning; default 1. */
  readonly seed?: number;
}

/** The load with a change; the same one when nothing changes. Throws RangeError for a field out of its range. */
export function changeLoad(requests: RequestTable, change: LoadChange): RequestTable {
  const { rateScale = 1, scaleBy = "time-warp", limit = Number.POSITIVE_INFINITY, seed = 1 } = change;
  checkChange(rateScale, scaleBy, limit);
  const { arrivalMs, count } = requests;
  const isKept = scaleBy === "thinning" ? drawKept(requests, rateScale, seed) : undefined;
  const newArrivalMs = scaleBy === "time-warp" && rateScale !== 1 ? warp(requests, rateScale) : arrivalMs;
  if (isKept === undefined && newArrivalMs === arrivalMs && limit >= count) return requests;
  const rows = Uint32Array.from({ length: count }, (_, row) => row)
    .filter((row) => isKept === undefined || isKept[row] === 1)
    .sort((a, b) => (newArrivalMs[a] as number) - (newArrivalMs[b] as number) || a - b);
  return selectRows(requests, rows.subarray(0, Math.min(rows.length, Math.floor(limit))), newArrivalMs);
}

function checkChange(rateScale: number, scaleBy: LoadChange["scaleBy"], limit: number): void {
  if (!(rateScale > 0 && rateScale < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Cannot scale a rate by "${rateScale}": expected a finite number above 0`);
  }
  if (!(limit >= 1)) throw new RangeError(`Cannot limit a load to "${limit}" requests: expected at least 1`);
  if (scaleBy === "thinning" && rateScale > 1) {
    throw new RangeError(`Cannot thin a load to "${rateScale}" of its rate: expected at most 1`);
  }
}

/** First row of each row's session, of a row without one itself. */
function sessionStarts({ count, session }: RequestTable): Uint32Array {
  const firstOf = new Map<number, number>();
  return Uint32Array.from({ length: count }, (_, row) => {
    const key = session[row] as number;
    if (key === none) return row;
    const first = firstOf.get(key);
    if (first === undefined) firstOf.set(key, row);
    return first ?? row;
  });
}

function warp(requests: RequestTable, rateScale: number): Float64Array {
  const { arrivalMs } = requests;
  const starts = sessionStarts(requests);
  return arrivalMs.map((atMs, row) => {
    const startMs = arrivalMs[starts[row] as number] as number;
    return startMs / rateScale + (atMs - startMs);
  });
}

/** 1 for the rows of sessions that stay. */
function drawKept(requests: RequestTable, share: number, seed: number): Uint8Array {
  const random = createRandom(seed + 0x7417);
  const starts = sessionStarts(requests);
  const isKept = new Uint8Array(requests.count);
  for (const [row, start] of starts.entries()) {
    const isFirst = start === row;
    isKept[row] = isFirst ? Number(random() < share) : (isKept[start] as number);
  }
  return isKept;
}

/**
 * The table of `rows` in their order, which is that of their arrivals, with arrivals by old row; the first of them arrives at 0. A
 * row whose predecessor is not among them follows on none.
 */
function selectRows(table: RequestTable, rows: Uint32Array, arrivalMs: Float64Array): RequestTable {
  const pick = <Column extends Float64Array | Uint32Array | Int32Array | Uint16Array | Int16Array>(
    column: Column,
  ): Column => {
    const picked = new (column.constructor as new (length: number) => Column)(rows.length);
    for (const [place, row] of rows.entries()) picked[place] = column[row] as number;
    return picked;
  };
  const placeOf = new Int32Array(table.count).fill(none);
  for (const [place, row] of rows.entries()) placeOf[row] = place;
  const firstMs = rows.length === 0 ? 0 : (arrivalMs[rows[0] as number] as number);
  return {
    ...table,
    count: rows.length,
    arrivalMs: pick(arrivalMs).map((atMs) => atMs - firstMs),
    afterRow: pick(table.afterRow).map((row) => (row === none ? none : (placeOf[row] as number))),
    delayMs: pick(table.delayMs),
    promptTokens: pick(table.promptTokens),
    outputTokens: pick(table.outputTokens),
    maxOutputTokens: pick(table.maxOutputTokens),
    model: pick(table.model),
    adapter: pick(table.adapter),
    priority: pick(table.priority),
    session: pick(table.session),
    ...selectBlocks(table, rows),
  };
}

function selectBlocks(
  { blockStart, blocks }: RequestTable,
  rows: Uint32Array,
): Pick<RequestTable, "blockStart" | "blocks"> {
  const starts = new Uint32Array(rows.length + 1);
  for (const [place, row] of rows.entries()) {
    starts[place + 1] = (starts[place] as number) + (blockStart[row + 1] as number) - (blockStart[row] as number);
  }
  const picked = new Uint32Array(starts[rows.length] as number);
  for (const [place, row] of rows.entries()) {
    picked.set(blocks.subarray(blockStart[row], blockStart[row + 1]), starts[place]);
  }
  return { blockStart: starts, blocks: picked };
}
