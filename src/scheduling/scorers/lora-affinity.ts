import type { AdapterState, Endpoint } from "../../datastore/endpoint.ts";
import { noParameters } from "../parameters.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

/**
 * Prefers endpoints that have the requested adapter at hand (protocol 6.4): running 1, a free slot 0.8, waiting 0.6, else 0.
 * An adapter both running and waiting takes two slots; a server that names no slots has none free (protocol 10.6). The raw
 * value is the number of slots taken.
 */
export const loraAffinityScorer = definePlugin({
  type: "lora-affinity-scorer",
  summary: "Prefers endpoints that run the requested LoRA adapter, then those with a free adapter slot.",
  parameters: noParameters,
  roles: ["scorer"],
  create: () => ({
    scorer: { score: ({ request }, candidates, ratings) => rateByAdapter(request.targetModel, candidates, ratings) },
  }),
});

function rateByAdapter(adapter: string, candidates: readonly Endpoint[], { raw, score }: Ratings): void {
  for (let i = 0; i < candidates.length; i++) {
    const state = (candidates[i] as Endpoint).signals.adapters.value;
    raw[i] = state === undefined ? Number.NaN : state.running.size + state.waiting.size;
    score[i] = state === undefined ? Number.NaN : affinity(adapter, state);
  }
}

function affinity(adapter: string, { running, waiting, maxAdapters }: AdapterState): number {
  if (running.has(adapter)) return 1;
  if (running.size + waiting.size < (maxAdapters ?? 0)) return 0.8;
  return waiting.has(adapter) ? 0.6 : 0;
}
