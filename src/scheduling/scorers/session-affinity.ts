import { definePlugin } from "../plugin.ts";
import { createAffinity } from "../session/affinity.ts";
import {
  affinityHeaders,
  affinityParameters,
  type AffinityParameters,
  affinityRequirements,
} from "../session/affinity-parameters.ts";

/**
 * Prefers the endpoint that the request's session is pinned to: 1, the others 0 (protocol 6.4, case H6). Raw: the score, NaN
 * when the request has no session.
 */
export const sessionAffinityScorer = definePlugin<AffinityParameters>({
  type: "session-affinity-scorer",
  summary: "Prefers the endpoint that the request's session is pinned to.",
  parameters: affinityParameters,
  experimental: true,
  roles: ["scorer", "producer", "responder"],
  requires: affinityRequirements,
  headersRead: affinityHeaders,
  create: (given, environment) => {
    const { find, producer, responder } = createAffinity(given, environment);
    return {
      producer,
      responder,
      scorer: {
        score: (cycle, candidates, { raw, score }) => {
          const pinned = find(cycle, candidates);
          if (pinned === undefined) return;
          raw.fill(0, 0, candidates.length);
          if (pinned >= 0) raw[pinned] = score[pinned] = 1;
        },
      },
    };
  },
});
