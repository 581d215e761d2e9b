import type { RunRecord } from "./run-record.ts";

/** Clients that wait for `timeoutMs` from their arrival, then go away. */
export class Patience {
  readonly #timeoutMs: number;
  readonly #record: RunRecord;
  /** Rows in the order in which they arrived. */
  readonly #rows: Int32Array;
  #count = 0;
  #first = 0;

  /** `timeoutMs` may be Infinity. */
  constructor(timeoutMs: number, rows: number, record: RunRecord) {
    this.#timeoutMs = timeoutMs;
    this.#record = record;
    this.#rows = new Int32Array(timeoutMs === Number.POSITIVE_INFINITY ? 0 : rows);
  }

  /** A row has arrived. */
  start(row: number): void {
    if (this.#rows.length > 0) this.#rows[this.#count++] = row;
  }

  /** When the next client goes away; Infinity: none will, as far as is known. */
  get nextMs(): number {
    while (this.#first < this.#count && this.#record.isOver(this.#rows[this.#first] as number)) this.#first++;
    if (this.#first === this.#count) return Number.POSITIVE_INFINITY;
    return (this.#record.arrivedMs[this.#rows[this.#first] as number] as number) + this.#timeoutMs;
  }

  /** Takes the row whose client goes away next. There must be one. */
  take(): number {
    return this.#rows[this.#first++] as number;
  }
}
