import type { Endpoint } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { NonePicked, Picked } from "../scheduling/schedule.ts";
import { type RouteDecision, reject } from "./decision.ts";
import { type HostMetadata, inSubset } from "./subset.ts";

/** What a decision needs from outside; the simulator passes its own. */
export interface RoutingDeps {
  /** The pool as it is known now. */
  readonly snapshot: () => readonly Endpoint[];
  /** Runs the configured profile over the candidates. */
  readonly schedule: (request: InferenceRequest, candidates: readonly Endpoint[]) => Picked | NonePicked;
}

/**
 * Decides one request: candidates, then schedule. Synchronous from the snapshot to the pick, so no lock and no copy is
 * needed. 503 without a candidate, 429 when filters leave none (protocol 1.8).
 */
export function routeRequest(
  request: InferenceRequest,
  metadata: HostMetadata | undefined,
  deps: RoutingDeps,
): RouteDecision {
  const candidates = withoutLastResort(inSubset(deps.snapshot(), metadata));
  if (candidates.length === 0) {
    return reject("rejected-no-endpoints", "failed to find endpoint candidates for serving the request");
  }
  const picked = deps.schedule(request, candidates);
  if (picked.kind === "none") return reject("rejected-saturated", "no endpoints available for the given request");
  return { kind: "forward", picked, destination: picked.endpoints.map(({ address }) => address).join(",") };
}

/** Endpoints that refuse connections are used only when no other is left. */
function withoutLastResort(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (!endpoints.some(({ lastResort }) => lastResort)) return endpoints;
  const alive = endpoints.filter(({ lastResort }) => !lastResort);
  return alive.length > 0 ? alive : endpoints;
}
