import { stopReplica } from "../replica/stopped-replica.ts";
import type { VirtualReplica } from "../replica/virtual-replica.ts";
import type { Pickers } from "./pickers.ts";
import type { PlannedChange } from "./pool-plan.ts";
import type { RunRecord } from "./run-record.ts";

const never = Number.POSITIVE_INFINITY;

/** What changes act on; all of it by incarnation. */
export interface ChangingPool {
  readonly replicas: VirtualReplica[];
  /** When each replica has something to tell. */
  readonly nextMs: Float64Array;
  readonly pickers: Pickers;
  readonly record: RunRecord;
  /** A row has ended since its replica died. */
  readonly failed: (row: number, nowMs: number) => void;
}

/** The changes of a run's pool, one after the other. */
export class PoolChanges {
  readonly #changes: readonly PlannedChange[];
  readonly #pool: ChangingPool;
  #done = 0;
  /** When the next one happens; Infinity: none will. */
  nextMs: number;

  /** `changes` in order of time. */
  constructor(changes: readonly PlannedChange[], pool: ChangingPool) {
    this.#changes = changes;
    this.#pool = pool;
    this.nextMs = changes[0]?.atMs ?? never;
  }

  /** Lets the next one happen. There must be one. */
  apply(): void {
    const { atMs, kind, incarnation } = this.#changes[this.#done] as PlannedChange;
    const { pickers } = this.#pool;
    this.nextMs = this.#changes[++this.#done]?.atMs ?? never;
    // Samples of this instant are of what was before.
    pickers.catchUpEach(atMs);
    if (kind === "joins") pickers.join(incarnation, atMs);
    else if (kind === "leaves") pickers.leave(incarnation, atMs);
    else if (kind === "dies") this.#die(incarnation, atMs);
    else if (kind === "metrics-freeze") pickers.freeze(incarnation, atMs);
    else pickers.thaw(incarnation);
  }

  #die(incarnation: number, nowMs: number): void {
    const { replicas, nextMs, pickers } = this.#pool;
    const dying = replicas[incarnation] as VirtualReplica;
    const rows = this.#underWayAt(incarnation);
    replicas[incarnation] = stopReplica(dying, nowMs);
    nextMs[incarnation] = never;
    for (const row of rows) {
      // The gaps between tokens that have left are told then.
      dying.cancel(row, nowMs);
      pickers.ended(row, incarnation, nowMs, "error");
      this.#pool.failed(row, nowMs);
    }
    pickers.leave(incarnation, nowMs);
  }

  #underWayAt(incarnation: number): number[] {
    const { record } = this.#pool;
    const rows: number[] = [];
    for (let row = 0; row < record.replica.length; row++) {
      if (record.replica[row] === incarnation && !record.isOver(row)) rows.push(row);
    }
    return rows;
  }
}
