import type { Endpoint } from "../datastore/endpoint.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import { type RouteDecision, reject } from "./decision.ts";
import { type HostMetadata, inSubset } from "./subset.ts";

/** What a decision needs from outside; the simulator passes its own. */
export interface RoutingDeps {
  /** The pool as it is known now. */
  readonly snapshot: () => readonly Endpoint[];
  /** Runs the configured profile over the candidates and returns the picked endpoints, best first; empty when filters left none. */
  readonly schedule: (request: InferenceRequest, candidates: readonly Endpoint[]) => readonly Endpoint[];
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
  const [first, ...rest] = deps.schedule(request, candidates);
  if (first === undefined) return reject("rejected-saturated", "no endpoints available for the given request");
  const endpoints = [first, ...rest] as const;
  return { kind: "forward", endpoints, destination: endpoints.map(({ address }) => address).join(",") };
}

/** Endpoints that refuse connections are used only when no other is left. */
function withoutLastResort(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (!endpoints.some(({ lastResort }) => lastResort)) return endpoints;
  const alive = endpoints.filter(({ lastResort }) => !lastResort);
  return alive.length > 0 ? alive : endpoints;
}
