import type { SimulationRun } from "../engine/simulation-run.ts";

/** What a request has to meet to count as good. */
export interface Slo {
  /** From the intended arrival to the first token. */
  readonly ttftMs: number;
  /** Mean time between two tokens of one request. */
  readonly tpotMs: number;
}

/** What is good unless set otherwise. */
export const defaultSlo: Slo = { ttftMs: 2000, tpotMs: 100 };

/** Rows of a run that count. */
export interface CountedRows {
  readonly run: SimulationRun;
  /** First row. */
  readonly from: number;
  readonly slo: Slo;
}
