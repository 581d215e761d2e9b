import type { ReplicaLoad } from "./load.ts";
import type { ReplicaRequest } from "./sequence.ts";

/**
 * Learns what becomes of the requests of a replica; times are model ms, ends of steps, and never go back. Tokens of one step
 * come in the order of the batch.
 */
export interface ReplicaListener {
  /** The first token has left. `cachedTokens`: prompt tokens that came from the prefix cache. */
  firstToken(id: number, atMs: number, cachedTokens: number): void;
  /** The last token has left. */
  finished(id: number, atMs: number): void;
  /**
   * `count` tokens after a first one left `gapMs` after the token before them. Comes at the next event or before; a jump over
   * many steps tells gaps that differ by less than 0.4 % as one, with their mean.
   */
  gaps(gapMs: number, count: number): void;
}

/**
 * A model server in virtual time, as an event engine drives it: submit, ask when something happens, advance to then. Two of
 * them agree event for event: the exact one takes every step by itself, the other jumps from one change of the batch to the
 * next. Times given to it never go back. `submit`, `cancel` and `loadAt` first do what `advance` to their time does, so at one
 * instant steps end and start before requests come or go.
 */
export interface VirtualReplica {
  /** Takes a request that arrives at `nowMs`. Throws RangeError for one that can never run. */
  submit(request: ReplicaRequest, nowMs: number): void;
  /**
   * Ends a request early: it gives no token after `nowMs`; one that is in the step under way leaves with that step. False
   * when `id` is not under way.
   */
  cancel(id: number, nowMs: number): boolean;
  /** Time of the next event the listener learns of, not later than it comes; Infinity: nothing is under way. */
  nextEventMs(): number;
  /** Ends every step that ends at or before `nowMs` and tells the listener, in order; starts those that follow. */
  advance(nowMs: number): void;
  /** State at the end of the last step that ended at or before `nowMs`; the state now when no step is under way. */
  loadAt(nowMs: number): ReplicaLoad;
  /** Time with a step under way, until the last time given. */
  readonly busyMs: number;
}
