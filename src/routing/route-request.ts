import type { Shed } from "../admission/admit.ts";
import type { Endpoint } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { PrefixMatch } from "../scheduling/prefix/prefix-match.ts";
import type { Denied, NonePicked, Picked, Scheduled } from "../scheduling/schedule.ts";
import { type Reject, type RouteDecision, reasonOfCode, reject } from "./decision.ts";
import type { Prepared } from "./prepare.ts";
import { type HostMetadata, inSubset } from "./subset.ts";

const noCandidates = "failed to find endpoint candidates for serving the request";

/** What a decision needs from outside; the simulator passes its own. */
export interface RoutingDeps {
  /** The time on the picker's monotonic clock, asked for once: all of a decision is as of then. */
  readonly nowMs: () => number;
  /** The pool as it is known at `nowMs`. */
  readonly snapshot: (nowMs: number) => readonly Endpoint[];
  /** Every endpoint is a candidate, whatever the host's hint says; default false. */
  readonly ignoreSubset?: boolean;
  /** Decisions carry the total score of every candidate, for hosts that show them; default false. */
  readonly emitScores?: boolean;
  /** Says whether a request may be scheduled over its candidates; default: each may. */
  readonly admit?: (request: InferenceRequest, candidates: readonly Endpoint[]) => Shed | undefined;
  /** Runs the configured profile over the candidates. */
  readonly schedule: (request: InferenceRequest, candidates: readonly Endpoint[], nowMs: number) => Scheduled;
  /** Says what is added to a picked request; default: nothing. */
  readonly prepare?: (picked: Picked) => Prepared | Reject;
  /** Told of every decision at once; default: nobody is. */
  readonly decided?: (decided: Decided) => void;
}

/** How a request was decided. To be read before the next decision: the trace's numbers do not outlive that. */
export interface Decided {
  readonly request: InferenceRequest;
  /** When the request's headers came, on the picker's monotonic clock; NaN when nobody said. */
  readonly arrivedAtMs: number;
  /** Every endpoint there is. */
  readonly pool: readonly Endpoint[];
  /** Those that the host's hint allows. */
  readonly allowed: readonly Endpoint[];
  /** Those that were offered to scheduling: of the allowed ones, those that are not last resort, if there are any. */
  readonly offered: readonly Endpoint[];
  /** undefined when there was no endpoint to offer. */
  readonly scheduled: Scheduled | undefined;
  readonly decision: RouteDecision;
}

const unprepared = (picked: Picked): Prepared => ({
  kind: "prepared",
  destination: picked.endpoints.map(({ address }) => address).join(","),
  headers: [],
});

/**
 * Decides one request: candidates, admission, then schedule. Synchronous from the snapshot to the pick, so no lock and no
 * copy is needed. 503 without a candidate, 429 when it is shed or filters leave none (protocol 1.8).
 */
export function routeRequest(
  request: InferenceRequest,
  metadata: HostMetadata | undefined,
  deps: RoutingDeps,
  arrivedAtMs = Number.NaN,
): RouteDecision {
  const nowMs = deps.nowMs();
  const pool = deps.snapshot(nowMs);
  const allowed = deps.ignoreSubset === true ? pool : inSubset(pool, metadata);
  const offered = withoutLastResort(allowed);
  const refusal = offered.length === 0 ? reject("rejected-no-endpoints", noCandidates) : shed(request, offered, deps);
  const scheduled = refusal === undefined ? deps.schedule(request, offered, nowMs) : undefined;
  const decision = refusal ?? decide(request, scheduled as Scheduled, deps);
  deps.decided?.({ request, arrivedAtMs, pool, allowed, offered, scheduled, decision });
  return decision;
}

function shed(request: InferenceRequest, offered: readonly Endpoint[], deps: RoutingDeps): Reject | undefined {
  const verdict = deps.admit?.(request, offered);
  if (verdict === undefined) return undefined;
  return { ...reject("rejected-saturated", "system saturated, sheddable request dropped"), ...verdict, isShed: true };
}

function decide(request: InferenceRequest, picked: Scheduled, deps: RoutingDeps): RouteDecision {
  if (picked.kind !== "picked") return refuse(picked);
  if (request.onlyIfCached === true && !hasCachedPrefix(picked)) {
    return reject("rejected-not-cached", "no decode worker has the requested KV cache");
  }
  const prepared = (deps.prepare ?? unprepared)(picked);
  if (prepared.kind === "reject") return prepared;
  const { destination, headers } = prepared;
  const scores = deps.emitScores === true ? scoresOf(picked) : undefined;
  return { kind: "forward", picked, destination, headers, ...(scores && { scores }) };
}

/** 503 when screeners left none, 429 when filters did (protocol 1.8, 1.10); a plugin's denial keeps its code. */
function refuse(outcome: NonePicked | Denied): Reject {
  if (outcome.kind === "denied") return reject(reasonOfCode[outcome.denial.code], outcome.denial.message);
  if (outcome.reason === "all-filtered") {
    return reject("rejected-saturated", "no endpoints available for the given request");
  }
  const what = outcome.reason === "all-screened" ? "screeners eliminated all endpoint candidates" : noCandidates;
  return reject("rejected-no-endpoints", what);
}

/** Endpoints that refuse connections are used only when no other is left. */
export function withoutLastResort(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (!endpoints.some(({ lastResort }) => lastResort)) return endpoints;
  const alive = endpoints.filter(({ lastResort }) => !lastResort);
  return alive.length > 0 ? alive : endpoints;
}

/** Whether some producer knows of a cached beginning of the prompt on the picked endpoint. */
function hasCachedPrefix({ cycle, endpoints: [first] }: Picked): boolean {
  return [...cycle.produced.values()].some((data) => data instanceof PrefixMatch && data.matchedBlocks(first) > 0);
}

/** Total score by address of every candidate that filters left; 0 where the profile has no scorer (protocol 10.7). */
function scoresOf({ trace }: Picked): Record<string, number> {
  return Object.fromEntries(trace.candidates.map(({ address }, index) => [address, trace.totals[index] ?? 0]));
}
