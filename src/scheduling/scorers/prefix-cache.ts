import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin, type Ratings } from "../plugin.ts";
import { PrefixMatch } from "../prefix/prefix-match.ts";

const producerType = "approx-prefix-cache-producer";

const parameters = z.strictObject({
  prefixMatchInfoProducerName: z.string().min(1).optional(),
  matchLengthWeight: z.number().min(0).max(1).default(0),
  matchLengthScaleTokens: z.number().positive().max(1e9).default(8192),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers endpoints that hold more of the prompt's start (protocol 6.4), with w = matchLengthWeight:
 * (1 - w) x matched / total + w x min(1, matched x block / scale)^2. Raw: matched blocks. An empty prompt scores 0.
 */
export const prefixCacheScorer = definePlugin<Parameters>({
  type: "prefix-cache-scorer",
  summary: "Prefers the endpoint whose prefix cache holds most of the prompt.",
  parameters,
  reads: ["prompt"],
  requires: [{ type: producerType, parameter: "prefixMatchInfoProducerName" }],
  roles: ["scorer"],
  create: (given, environment) => {
    const producer = environment.required(producerType);
    return {
      scorer: {
        score: (cycle, candidates, ratings) => {
          const match = cycle.produced.get(producer);
          if (match instanceof PrefixMatch) rateByMatch(match, given, candidates, ratings);
        },
      },
    };
  },
});

function rateByMatch(match: PrefixMatch, given: Parameters, candidates: readonly Endpoint[], ratings: Ratings): void {
  const { totalBlocks, blockSizeTokens } = match;
  const { matchLengthWeight, matchLengthScaleTokens } = given;
  for (let i = 0; i < candidates.length; i++) {
    const matched = match.matchedBlocks(candidates[i] as Endpoint);
    ratings.raw[i] = matched;
    if (totalBlocks === 0) continue;
    const length = Math.min(1, (matched * blockSizeTokens) / matchLengthScaleTokens);
    ratings.score[i] = (1 - matchLengthWeight) * (matched / totalBlocks) + matchLengthWeight * length * length;
  }
}
