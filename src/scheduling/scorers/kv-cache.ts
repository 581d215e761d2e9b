import type { Endpoint } from "../../datastore/endpoint.ts";
import { ratedValue } from "../../datastore/signal.ts";
import { noParameters } from "../parameters.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

/** Prefers free KV cache: 1 - used share (protocol 6.4). A share outside 0..1 is unknown. */
export const kvCacheScorer = definePlugin({
  type: "kv-cache-utilization-scorer",
  summary: "Prefers the least used KV cache.",
  parameters: noParameters,
  reads: ["kvCacheRatio"],
  roles: ["scorer"],
  create: () => ({
    scorer: { signal: "kvCacheRatio", score: (_cycle, candidates, ratings) => rateByFreeCache(candidates, ratings) },
  }),
});

function rateByFreeCache(candidates: readonly Endpoint[], { raw, score }: Ratings): void {
  for (let i = 0; i < candidates.length; i++) {
    const used = ratedValue((candidates[i] as Endpoint).signals.kvCacheRatio);
    const known = used >= 0 && used <= 1 ? used : Number.NaN;
    raw[i] = known;
    score[i] = 1 - known;
  }
}
