import { LogHistogram } from "./log-histogram.ts";
import { none } from "./request-table.ts";
import { type Outcome, outcomes, type SimulationRun } from "./simulation-run.ts";

const codes: Readonly<Record<Outcome, number>> = {
  completed: outcomes.indexOf("completed"),
  refused: outcomes.indexOf("refused"),
  unfinished: outcomes.indexOf("unfinished"),
  failed: outcomes.indexOf("failed"),
};

/** What becomes of the rows of a run, column by column. */
export class RunRecord {
  readonly arrivedMs: Float64Array;
  readonly decidedMs: Float64Array;
  readonly replica: Int16Array;
  readonly firstTokenMs: Float64Array;
  readonly lastTokenMs: Float64Array;
  readonly cachedTokens: Uint32Array;
  readonly outcome: Uint8Array;
  readonly itlMs = new LogHistogram();
  /** Requests that each replica was given. */
  readonly given: Uint32Array;
  decisions = 0;
  tooLong = 0;
  readonly #isOver: Uint8Array;

  constructor(rows: number, replicas: number) {
    this.arrivedMs = new Float64Array(rows).fill(Number.NaN);
    this.decidedMs = new Float64Array(rows).fill(Number.NaN);
    this.replica = new Int16Array(rows).fill(none);
    this.firstTokenMs = new Float64Array(rows).fill(Number.NaN);
    this.lastTokenMs = new Float64Array(rows).fill(Number.NaN);
    this.cachedTokens = new Uint32Array(rows);
    this.outcome = new Uint8Array(rows).fill(codes.unfinished);
    this.given = new Uint32Array(replicas);
    this.#isOver = new Uint8Array(rows);
  }

  /** Whether a row has ended, whatever the way. */
  isOver(row: number): boolean {
    return this.#isOver[row] === 1;
  }

  /** A row has ended. */
  end(row: number, outcome: Outcome): void {
    this.#isOver[row] = 1;
    this.outcome[row] = codes[outcome];
  }

  /** A row was decided at `nowMs`; `replica` is `none` when it is refused. */
  decide(row: number, replica: number, nowMs: number): void {
    this.decisions++;
    this.decidedMs[row] = nowMs;
    this.replica[row] = replica;
    if (replica !== none) this.given[replica] = (this.given[replica] as number) + 1;
  }

  /** What the run gives of this. */
  columns(): Omit<SimulationRun, "requests" | "replicas" | "series" | "hasOracleLengths" | "firstChangeMs" | "endMs"> {
    const { arrivedMs, decidedMs, replica, firstTokenMs, lastTokenMs, cachedTokens, outcome } = this;
    const { itlMs, decisions, tooLong } = this;
    const columns = { arrivedMs, decidedMs, replica, firstTokenMs, lastTokenMs, cachedTokens, outcome };
    return { ...columns, itlMs, decisions, tooLong };
  }
}
