import type { ReplicaLoad } from "./load.ts";
import type { ReplicaRequest } from "./sequence.ts";

/** Learns what becomes of the requests of a replica; times are model ms and never go back. */
export interface ReplicaListener {
  /** The first token has left. `cachedTokens`: prompt tokens that came from the prefix cache. */
  firstToken(id: number, atMs: number, cachedTokens: number): void;
  /** The last token has left. */
  finished(id: number, atMs: number): void;
  /** `count` tokens after a first one left `gapMs` after the token before them. */
  gaps(gapMs: number, count: number): void;
}

/**
 * A model server in virtual time, as an event engine drives it: submit, ask when something happens, advance to then. Two of
 * them agree event for event: the exact one takes every step by itself, the other jumps from one change of the batch to the
 * next.
 */
export interface VirtualReplica {
  /** Takes a request at `nowMs`, not before the time of the last `advance`. Throws RangeError for one that can never run. */
  submit(request: ReplicaRequest, nowMs: number): void;
  /** Ends a request early; false when `id` is not under way. */
  cancel(id: number, nowMs: number): boolean;
  /** Time of the next event the listener learns of, not later than it comes; Infinity: nothing is under way. */
  nextEventMs(): number;
  /** Ends every step that ends at or before `nowMs` and tells the listener, in order. */
  advance(nowMs: number): void;
  /** State at the end of the last step that ended at or before `nowMs`, which is not before the last `advance`. */
  loadAt(nowMs: number): ReplicaLoad;
  /** Time with a step under way until now. */
  readonly busyMs: number;
}
