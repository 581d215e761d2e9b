import { bytesOfDecision } from "./kept-bytes.ts";
import type { KeptDecision } from "./kept-decision.ts";
import type { SnapshotKeeper } from "./kept-snapshot.ts";

/** How much the ring keeps, whichever is less. */
export interface RingLimits {
  /** A whole number of at least 1. */
  readonly records: number;
  readonly bytes: number;
}

/** The limits where none are given (DESIGN ruling "Decision ring"). */
export const defaultRingLimits: RingLimits = { records: 20_000, bytes: 32 * 1024 * 1024 };

/** What the ring holds now. */
export interface RingState {
  readonly records: number;
  /** What they take in memory, endpoints and signals that they share counted once. */
  readonly bytes: number;
  /** Decision time of the oldest record on the monotonic clock; undefined when there is none. */
  readonly oldestAtMs: number | undefined;
  readonly limits: RingLimits;
}

interface Slot {
  readonly kept: KeptDecision;
  readonly bytes: number;
  /** The next older and newer records with the same request id. */
  older: Slot | undefined;
  newer: Slot | undefined;
}

/**
 * The newest decisions, found by request id. Adding and evicting take constant time, plus a step for every group of endpoints
 * when the snapshot has changed.
 */
export class DecisionRing {
  readonly #limits: RingLimits;
  readonly #slots: (Slot | undefined)[] = [];
  /** Index of the oldest slot. */
  #first = 0;
  #count = 0;
  #bytes = 0;
  /** Newest slot of every request id. */
  readonly #byRequestId = new Map<string, Slot>();
  readonly #snapshots: SnapshotKeeper;

  /** `snapshots`: the keeper of the snapshots that decisions refer to; the ring releases what it evicts. */
  constructor(snapshots: SnapshotKeeper, limits: RingLimits = defaultRingLimits) {
    this.#snapshots = snapshots;
    this.#limits = limits;
  }

  get state(): RingState {
    const oldest = this.#slots[this.#first]?.kept.decidedAtMs;
    return { records: this.#count, bytes: this.#totalBytes, oldestAtMs: oldest, limits: this.#limits };
  }

  /** Adds a decision and evicts the oldest ones beyond the limits; the one that was just added stays in any case. */
  add(kept: KeptDecision): void {
    const older = kept.requestId === "" ? undefined : this.#byRequestId.get(kept.requestId);
    const slot: Slot = { kept, bytes: bytesOfDecision(kept), older, newer: undefined };
    if (older !== undefined) older.newer = slot;
    if (kept.requestId !== "") this.#byRequestId.set(kept.requestId, slot);
    if (this.#count === this.#limits.records) this.#evict();
    this.#slots[(this.#first + this.#count) % this.#limits.records] = slot;
    this.#count++;
    this.#bytes += slot.bytes;
    while (this.#totalBytes > this.#limits.bytes && this.#count > 1) this.#evict();
  }

  /** The newest records of a request id, newest first, `limit` at most. */
  find(requestId: string, limit: number): KeptDecision[] {
    const found: KeptDecision[] = [];
    let slot = this.#byRequestId.get(requestId);
    for (; slot !== undefined && found.length < limit; slot = slot.older) found.push(slot.kept);
    return found;
  }

  /** The newest records, newest first: `limit` at most, those with a sequence number above `after`. */
  newest(limit: number, after = 0): KeptDecision[] {
    const found: KeptDecision[] = [];
    for (let i = this.#count - 1; i >= 0 && found.length < limit; i--) {
      const kept = (this.#slots[(this.#first + i) % this.#limits.records] as Slot).kept;
      if (kept.sequence <= after) break;
      found.push(kept);
    }
    return found;
  }

  get #totalBytes(): number {
    return this.#bytes + this.#snapshots.bytes;
  }

  #evict(): void {
    const slot = this.#slots[this.#first] as Slot;
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#limits.records;
    this.#count--;
    this.#bytes -= slot.bytes;
    // Of one id the oldest record is the last in its chain.
    if (slot.newer !== undefined) slot.newer.older = undefined;
    else this.#byRequestId.delete(slot.kept.requestId);
    this.#snapshots.release(slot.kept.snapshot);
  }
}
