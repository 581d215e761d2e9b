import { none, type RequestTable } from "./request-table.ts";
import { TimeHeap } from "./time-heap.ts";

/** The rows of a load in order of their arrival: those with a time of their own, and those that follow on another's end. */
export class ArrivalQueue {
  readonly #requests: RequestTable;
  /** Rows that follow on row i: `#followers[#followerStart[i]]` up to `#followerStart[i + 1]`; empty in an open loop. */
  readonly #followerStart: Int32Array;
  readonly #followers: Int32Array;
  readonly #due = new TimeHeap();
  #next = 0;

  /** Throws RangeError naming the row that follows on none before it, or arrives before its predecessor in the table. */
  constructor(requests: RequestTable) {
    this.#requests = requests;
    checkOrder(requests);
    const { count, afterRow } = requests;
    const isClosed = afterRow.some((row) => row !== none);
    this.#followerStart = new Int32Array(isClosed ? count + 1 : 0);
    this.#followers = new Int32Array(isClosed ? count : 0);
    if (isClosed) this.#linkFollowers();
    this.#skipFollowers();
  }

  /** Time of the next arrival; Infinity: none is known. */
  get nextMs(): number {
    const openMs = this.#next < this.#requests.count ? (this.#requests.arrivalMs[this.#next] as number) : Infinity;
    return Math.min(openMs, this.#due.nextMs);
  }

  /** Takes the row that arrives next; those with a time of their own go first. */
  take(): number {
    const openMs = this.#next < this.#requests.count ? (this.#requests.arrivalMs[this.#next] as number) : Infinity;
    if (this.#due.nextMs < openMs) return this.#due.take();
    const row = this.#next++;
    this.#skipFollowers();
    return row;
  }

  /** A row has ended at `nowMs`: those that follow on it are on their way. */
  ended(row: number, nowMs: number): void {
    if (this.#followers.length === 0) return;
    const { arrivalMs, delayMs } = this.#requests;
    const end = this.#followerStart[row + 1] as number;
    for (let at = this.#followerStart[row] as number; at < end; at++) {
      const follower = this.#followers[at] as number;
      this.#due.add(follower, Math.max(arrivalMs[follower] as number, nowMs + (delayMs[follower] as number)));
    }
  }

  #skipFollowers(): void {
    const { count, afterRow } = this.#requests;
    while (this.#next < count && afterRow[this.#next] !== none) this.#next++;
  }

  #linkFollowers(): void {
    const { count, afterRow } = this.#requests;
    const start = this.#followerStart;
    for (const row of afterRow) if (row !== none) start[row + 1] = (start[row + 1] as number) + 1;
    for (let row = 0; row < count; row++) start[row + 1] = (start[row + 1] as number) + (start[row] as number);
    const filled = start.slice();
    for (let row = 0; row < count; row++) {
      const before = afterRow[row] as number;
      if (before === none) continue;
      const at = filled[before] as number;
      this.#followers[at] = row;
      filled[before] = at + 1;
    }
  }
}

function checkOrder({ count, afterRow, arrivalMs, delayMs }: RequestTable): void {
  let lastMs = 0;
  for (let row = 0; row < count; row++) {
    const [before, atMs] = [afterRow[row] as number, arrivalMs[row] as number];
    if (!(atMs >= lastMs && atMs < Infinity)) throw rowError(row, `arrival ${atMs} ms`, `at least ${lastMs}, finite`);
    lastMs = atMs;
    if (before === none) continue;
    if (!(before >= 0 && before < row)) throw rowError(row, `afterRow ${before}`, `-1 or a row before ${row}`);
    const waitMs = delayMs[row] as number;
    if (!(waitMs >= 0 && waitMs < Infinity)) throw rowError(row, `delay ${waitMs} ms`, "a finite number from 0");
  }
}

function rowError(row: number, found: string, expected: string): RangeError {
  return new RangeError(`Cannot simulate request "${row}": ${found}, expected ${expected}`);
}
