import type { KeyedRandom, Random } from "../../src/lib/random.ts";
import type { PromptChain } from "../../src/request/inference-request.ts";
import type { EndCause } from "../../src/scheduling/plugin.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaLoad } from "../replica/load.ts";

/**
 * What a picker sees of a request: nothing of the answer's true length. One object that the next request writes over; what
 * is to be kept must be copied.
 */
export interface VisibleRequest {
  /** Names the request. */
  readonly row: number;
  /** Model that the client asks for; the name of its adapter if it asks for one. */
  readonly model: string;
  readonly promptTokens: number;
  /** The client's bound; undefined: it names none. With oracle lengths the true length. */
  readonly maxOutputTokens: number | undefined;
  readonly priority: number;
  /** Hashes of the prompt's blocks, which the next call writes over; undefined: no request of the load shares anything. */
  promptChain(): PromptChain | undefined;
  /** Draws that hang on the request and the seed alone: they are the same for every policy. */
  random(): Random;
}

/** Value of `pick` for a request that is refused. */
export const refused = -1;

/** Which samples of the replicas a picker takes: each, only the newest there is when it decides, or none. */
export type Sampling = "every" | "newest" | "none";

/** How a request ended at its replica: all tokens have left it, the client went away, or the replica died. */
export type Ending = Exclude<EndCause, "moved">;

/**
 * One picker that runs a policy. Times never go back. A replica that leaves the pool and comes back is another one, with an index of
 * its own.
 */
export interface PickerInstance {
  readonly sampling: Sampling;
  /** A replica is in the pool from now on. */
  joined?(replica: number, nowMs: number): void;
  /** A replica is no longer in the pool; requests that it has may still end. No sample of it comes any more. */
  left?(replica: number, nowMs: number): void;
  /** A sample of a replica is asked for. Only where each one is taken. */
  asked?(replica: number, nowMs: number): void;
  /** The sample of a replica that was asked for at `askedAtMs`. The load is read at once: it may be written over. */
  sampled?(replica: number, askedAtMs: number, load: ReplicaLoad): void;
  /** Index of the replica that gets the request, one that is there, or `refused`. The request is on its way from then on. */
  pick(request: VisibleRequest, nowMs: number): number;
  /** The first token of a request has left its replica. */
  answered?(row: number, replica: number, nowMs: number): void;
  /** A request has ended at its replica. */
  ended?(row: number, replica: number, nowMs: number, ending: Ending): void;
}

/** One replica of a pool, from when it joins until it leaves. */
export interface PickerReplica {
  readonly config: ReplicaConfig;
  /** Its place in the pool, which its name is made of; one that comes back has the same. */
  readonly replica: number;
  /** How many replicas had the place before. */
  readonly number: number;
}

/** What an instance is made for. */
export interface PickerSetup {
  /** Every replica that is ever in the pool; others are told of them by their index. */
  readonly replicas: readonly PickerReplica[];
  /** Indexes of those that are there now, in the order in which they joined; changes when one joins or leaves. */
  readonly present: readonly number[];
  /** Requests in the load: rows are from 0 up to this, excluded. */
  readonly rows: number;
  /** Number of the picker, where several stand side by side; from 0. */
  readonly picker: number;
  /** Keyed by whatever the policy decides apart from requests. */
  readonly random: KeyedRandom;
  /** Secret of the picker for keyed hashes. */
  readonly hashKey: bigint;
}

/** A way to choose replicas. */
export interface Policy {
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  /**
   * Scorers that one decision asks about each replica, for its service time; undefined: the proxy itself balances, so a
   * decision takes no time.
   */
  readonly scorers: number | undefined;
  /** A picker that has seen nothing yet. */
  start(setup: PickerSetup): PickerInstance;
}
