import type { Endpoint } from "../datastore/endpoint.ts";
import { z } from "../lib/schema.ts";
import { definePlugin } from "../scheduling/plugin.ts";
import { cautionHeadroom, headroom } from "./headroom.ts";
import { type Measure, meanFullness, shareOf } from "./saturation.ts";

const parameters = z.strictObject({
  maxConcurrency: z.int().min(1).default(100),
  headroom,
  concurrencyMode: z.enum(["requests", "tokens", "hybrid"]).default("requests"),
  maxTokenConcurrency: z.int().min(1).default(1_000_000),
});
type Parameters = z.infer<typeof parameters>;
type Limits = Pick<Parameters, "concurrencyMode" | "maxConcurrency" | "maxTokenConcurrency">;

/**
 * Rates by what this picker has under way at each endpoint, requests or prompt tokens or the fuller of both (protocol 6.8):
 * it needs no metrics. As a filter it drops full endpoints, all if need be (protocol 6.5).
 */
export const concurrencyDetector = definePlugin<Parameters>({
  type: "concurrency-detector",
  summary: "Tells by this picker's open requests how full the pool is; as a filter, drops full endpoints, even all.",
  parameters,
  roles: ["detector", "filter"],
  caution: cautionHeadroom,
  create: ({ headroom: spare, ...limits }) => {
    const measure: Measure = { confidence: () => 1, fullness: (endpoint) => fullnessOf(endpoint, limits) };
    const widened = {
      ...limits,
      maxConcurrency: Math.floor(limits.maxConcurrency * (1 + spare)),
      maxTokenConcurrency: Math.floor(limits.maxTokenConcurrency * (1 + spare)),
    };
    return {
      detector: {
        saturation: (endpoints) => meanFullness(endpoints, measure),
        load: (endpoints) => endpoints.reduce((sum, { inFlightRequests }) => sum + inFlightRequests, 0),
      },
      filter: {
        filter: (_cycle, candidates) => candidates.filter((endpoint) => fullnessOf(endpoint, widened) < 1),
      },
    };
  },
});

function fullnessOf({ inFlightRequests, prefillTokens }: Endpoint, limits: Limits): number {
  const byRequests = shareOf(inFlightRequests, limits.maxConcurrency);
  if (limits.concurrencyMode === "requests") return byRequests;
  const byTokens = shareOf(prefillTokens, limits.maxTokenConcurrency);
  return limits.concurrencyMode === "tokens" ? byTokens : Math.max(byRequests, byTokens);
}
