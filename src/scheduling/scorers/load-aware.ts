import type { Endpoint } from "../../datastore/endpoint.ts";
import { ratedValue } from "../../datastore/signal.ts";
import { z } from "../../lib/schema.ts";
import { cautionDefault } from "../parameters.ts";
import { definePlugin, type Ratings } from "../plugin.ts";
import { knownCount } from "./known-count.ts";

const defaultThreshold = 128;

const parameters = z.strictObject({ threshold: z.int().max(1e9).default(defaultThreshold) });
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers short queues on a fixed scale: 0.5 x (1 - min(waiting, threshold) / threshold) (protocol 6.4); a threshold of 0
 * or less counts as 128 (protocol 10.8). Raw: waiting requests.
 */
export const loadAwareScorer = definePlugin<Parameters>({
  type: "load-aware-scorer",
  summary: "Prefers short queues, measured against a threshold.",
  parameters,
  roles: ["scorer"],
  create: ({ threshold }) => {
    const longest = threshold > 0 ? threshold : defaultThreshold;
    return { scorer: { score: (_cycle, candidates, ratings) => rateByQueue(longest, candidates, ratings) } };
  },
  caution: ({ threshold }) => cautionDefault("threshold", threshold, defaultThreshold),
});

function rateByQueue(threshold: number, candidates: readonly Endpoint[], { raw, score }: Ratings): void {
  for (let i = 0; i < candidates.length; i++) {
    const waiting = knownCount(ratedValue((candidates[i] as Endpoint).signals.waitingRequests));
    raw[i] = waiting;
    score[i] = 0.5 * (1 - Math.min(waiting, threshold) / threshold);
  }
}
