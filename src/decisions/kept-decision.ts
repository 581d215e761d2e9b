import type { NumberSlice } from "../lib/number-arena.ts";
import type { RequestKind } from "../request/inference-request.ts";
import type { Reject } from "../routing/decision.ts";
import type { PluginIdentity, Profile, SchedulingPlan } from "../scheduling/plan.ts";
import type { KeptSnapshot } from "./kept-snapshot.ts";

/** What a prefix-cache producer found for one request. */
export interface PrefixFinding {
  /** Name of the producer. */
  readonly producer: string;
  readonly totalBlocks: number;
  readonly blockSizeTokens: number;
  /** Blocks that the picked endpoint was taken to hold when it was picked. */
  readonly matchedBlocks: number;
}

/** What is kept of a request: no byte of its prompt. */
export interface KeptRequest {
  readonly requestId: string;
  readonly api: RequestKind;
  readonly model: string;
  readonly targetModel: string;
  readonly objective: string;
  readonly priority: number;
  readonly fairnessId: string;
  readonly streaming: boolean;
  readonly promptBytes: number;
  /** undefined: the request was refused before anybody estimated. */
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** Values by which endpoints were removed: `found[i]` belongs to the i-th endpoint that a step removed. */
export type FoundValues = readonly (number | string | undefined)[];

/** Indices into the snapshot of the endpoints that a step left, in order; undefined when it removed none. */
export type Left = readonly number[] | undefined;

/** How the endpoints became candidates, and how those were rated. */
export interface KeptCourse {
  /** Of the plan; not the plan itself, whose producers hold what they learned. */
  readonly screeners: SchedulingPlan["screeners"];
  readonly screened: readonly Left[];
  readonly screenedFound: readonly (FoundValues | undefined)[];
  /** undefined when no profile ran. */
  readonly profile: Profile | undefined;
  readonly kept: readonly Left[];
  readonly keptFound: readonly (FoundValues | undefined)[];
  /** Of those that filters left, the candidates: without newcomers that are held back. */
  readonly rated: Left;
  readonly candidateCount: number;
  /** Per scorer raw of every candidate, then its scores; then totals, then draws. */
  readonly numbers: NumberSlice;
  readonly drawCount: number;
  /** Indices into the candidates. */
  readonly picked: readonly number[];
  readonly findings: readonly PrefixFinding[];
}

/** How a request was answered. */
export interface KeptOutcome {
  /** Destination list; undefined when the request was refused. */
  readonly destination: string | undefined;
  readonly refusal: Reject | undefined;
  /** The plugin that refused or left no endpoint. */
  readonly by: PluginIdentity | undefined;
}

/**
 * A decision as the ring keeps it: numbers in shared blocks, references to what is there anyway, no text made for it.
 * `expandDecision` tells it in full.
 */
export interface KeptDecision {
  /** Counts the decisions of this process, from 1. */
  readonly sequence: number;
  /** NaN when nobody said. */
  readonly arrivedAtMs: number;
  readonly decidedAtMs: number;
  /** Wall time of the decision, milliseconds since 1970. */
  readonly wallMs: number;
  readonly requestId: string;
  /** undefined: it was refused before it was read. */
  readonly request: KeptRequest | undefined;
  readonly configRevision: string;
  readonly outcome: KeptOutcome;
  readonly snapshot: KeptSnapshot;
  readonly allowed: Left;
  readonly offered: Left;
  readonly course: KeptCourse | undefined;
}
