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
  /** The pool as it is known now. */
  readonly snapshot: () => readonly Endpoint[];
  /** Every endpoint is a candidate, whatever the host's hint says; default false. */
  readonly ignoreSubset?: boolean;
  /** Decisions carry the total score of every candidate, for hosts that show them; default false. */
  readonly emitScores?: boolean;
  /** Says whether a request may be scheduled over its candidates; default: each may. */
  readonly admit?: (request: InferenceRequest, candidates: readonly Endpoint[]) => Shed | undefined;
  /** Runs the configured profile over the candidates. */
  readonly schedule: (request: InferenceRequest, candidates: readonly Endpoint[]) => Scheduled;
  /** Says what is added to a picked request; default: nothing. */
  readonly prepare?: (picked: Picked) => Prepared | Reject;
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
): RouteDecision {
  const legal = deps.ignoreSubset === true ? deps.snapshot() : inSubset(deps.snapshot(), metadata);
  const candidates = withoutLastResort(legal);
  if (candidates.length === 0) {
    return reject("rejected-no-endpoints", noCandidates);
  }
  const shed = deps.admit?.(request, candidates);
  if (shed !== undefined) {
    return { ...reject("rejected-saturated", "system saturated, sheddable request dropped"), ...shed, isShed: true };
  }
  const picked = deps.schedule(request, candidates);
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
