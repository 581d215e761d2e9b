import type { Endpoint } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { Detector } from "../scheduling/roles.ts";
import type { CompletionRate } from "./completion-rate.ts";
import { retryAfterSeconds } from "./retry-after.ts";

/** The request is not admitted. */
export interface Shed {
  /** When to try again, 1..60. */
  readonly retryAfterSeconds: number;
}

/** What admission asks. */
export interface AdmissionDeps {
  /** undefined: nobody says when the endpoints are full, everything is admitted. */
  readonly detector: Detector | undefined;
  readonly completions: Pick<CompletionRate, "perSecond">;
}

/**
 * Decides whether a request may be scheduled over `candidates`, of which there is at least one (protocol 6.8): only requests
 * of a priority below 0 are shed, and only while the saturation of what they could use is 1 or more. undefined: admitted.
 */
export function admit(
  request: InferenceRequest,
  candidates: readonly Endpoint[],
  { detector, completions }: AdmissionDeps,
): Shed | undefined {
  if (!(request.priority < 0) || detector === undefined) return undefined;
  const saturation = detector.saturation(candidates);
  if (!(saturation >= 1)) return undefined;
  const facts = { saturation, load: detector.load(candidates), completionsPerSecond: completions.perSecond() };
  return { retryAfterSeconds: retryAfterSeconds(facts) };
}
