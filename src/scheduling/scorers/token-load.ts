import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { InFlightLoad } from "../in-flight-load.ts";
import { cautionDefault } from "../parameters.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

const producerType = "inflight-load-producer";
const defaultThreshold = 4_194_304;

const parameters = z.strictObject({
  queueThresholdTokens: z.int().default(defaultThreshold),
  inFlightLoadProducerName: z.string().min(1).optional(),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers endpoints with few tokens to compute: 1 - min(tokens, threshold) / threshold (protocol 6.4), where tokens are
 * those under way and those the request itself would add. Raw: these tokens.
 */
export const tokenLoadScorer = definePlugin<Parameters>({
  type: "token-load-scorer",
  summary: "Prefers endpoints with few prompt tokens under way.",
  parameters,
  requires: [{ type: producerType, parameter: "inFlightLoadProducerName" }],
  roles: ["scorer"],
  create: ({ queueThresholdTokens }, environment) => {
    const producer = environment.required(producerType);
    const threshold = queueThresholdTokens > 0 ? queueThresholdTokens : defaultThreshold;
    return {
      scorer: {
        score: (cycle, candidates, ratings) => {
          const load = cycle.produced.get(producer);
          if (load instanceof InFlightLoad) rateByTokens(load, threshold, candidates, ratings);
        },
      },
    };
  },
  caution: (given) => cautionDefault("queueThresholdTokens", given.queueThresholdTokens, defaultThreshold),
});

function rateByTokens(
  load: InFlightLoad,
  threshold: number,
  candidates: readonly Endpoint[],
  { raw, score }: Ratings,
): void {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Endpoint;
    const tokens = load.tokens(candidate) + load.addedTokens(candidate);
    raw[i] = tokens;
    score[i] = 1 - Math.min(tokens, threshold) / threshold;
  }
}
