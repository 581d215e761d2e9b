import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { type Cycle, definePlugin } from "../plugin.ts";
import { PrefixMatch } from "../prefix/prefix-match.ts";

const producerType = "approx-prefix-cache-producer";

const parameters = z.strictObject({
  affinityThreshold: z.number().min(0).max(1).default(0.8),
  explorationProbability: z.number().min(0).max(1).default(0),
  maxTTFTPenaltyMs: z.number().min(0).default(18_000),
  ttftSource: z
    .enum(["prefillThroughput", "latencyPredictor"])
    .refine((source) => source === "prefillThroughput", {
      error: '"latencyPredictor" is not available in this version, expected prefillThroughput',
    })
    .default("prefillThroughput"),
  peakPrefillThroughput: z.number().positive().default(15_928),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Narrows to the endpoints that hold at least `affinityThreshold` of the prompt, if any does (protocol 6.5), unless the best
 * of them would take more than `maxTTFTPenaltyMs` longer to the first token than the best of the others; 0: whatever it takes.
 */
export const prefixCacheAffinityFilter = definePlugin<Parameters>({
  type: "prefix-cache-affinity-filter",
  summary: "Keeps the endpoints that hold most of the prompt, while they are not much slower than the others.",
  parameters,
  requires: [{ type: producerType }],
  reads: ["prompt"],
  roles: ["filter"],
  create: (given, environment) => {
    const producer = environment.required(producerType);
    return { filter: { filter: (cycle, candidates) => keepSticky(cycle, candidates, producer, given) } };
  },
});

function keepSticky(
  cycle: Cycle,
  candidates: readonly Endpoint[],
  producer: string,
  given: Parameters,
): readonly Endpoint[] {
  const match = cycle.produced.get(producer);
  if (candidates.length <= 1 || !(match instanceof PrefixMatch) || match.totalBlocks === 0) return candidates;
  if (given.explorationProbability > 0 && cycle.random() < given.explorationProbability) return candidates;
  const needed = given.affinityThreshold * match.totalBlocks;
  const sticky = candidates.filter((endpoint) => match.matchedBlocks(endpoint) >= needed);
  if (sticky.length === 0 || sticky.length === candidates.length) return candidates;
  return isTooSlow(sticky, candidates, given) ? candidates : sticky;
}

/** Compares the least time to the first token among `sticky` with that among the other candidates. */
function isTooSlow(
  sticky: readonly Endpoint[],
  candidates: readonly Endpoint[],
  { maxTTFTPenaltyMs, peakPrefillThroughput }: Parameters,
): boolean {
  if (maxTTFTPenaltyMs === 0) return false;
  const keeping = new Set(sticky);
  let [leastSticky, leastOther] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const endpoint of candidates) {
    if (keeping.has(endpoint)) leastSticky = Math.min(leastSticky, endpoint.prefillTokens);
    else leastOther = Math.min(leastOther, endpoint.prefillTokens);
  }
  return ((leastSticky - leastOther) / peakPrefillThroughput) * 1000 > maxTTFTPenaltyMs;
}
