import type { Endpoint } from "../../datastore/endpoint.ts";
import { definePlugin } from "../plugin.ts";
import { createAffinity } from "../session/affinity.ts";
import {
  affinityHeaders,
  affinityParameters,
  type AffinityParameters,
  affinityRequirements,
} from "../session/affinity-parameters.ts";

/** Narrows to the endpoint that the request's session is pinned to while it is a candidate (protocol 6.5, case H6). */
export const sessionAffinityFilter = definePlugin<AffinityParameters>({
  type: "session-affinity-filter",
  summary: "Keeps only the endpoint that the request's session is pinned to, while it is a candidate.",
  parameters: affinityParameters,
  experimental: true,
  roles: ["filter", "producer", "responder"],
  requires: affinityRequirements,
  headersRead: affinityHeaders,
  create: (given, environment) => {
    const { find, producer, responder } = createAffinity(given, environment);
    return {
      producer,
      responder,
      filter: {
        filter: (cycle, candidates) => {
          const pinned = find(cycle, candidates) ?? -1;
          return pinned < 0 ? candidates : [candidates[pinned] as Endpoint];
        },
      },
    };
  },
});
