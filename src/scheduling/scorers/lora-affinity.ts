import type { AdapterState, Endpoint, EndpointSignals } from "../../datastore/endpoint.ts";
import { noParameters } from "../parameters.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

/**
 * Prefers endpoints that have the requested adapter at hand (protocol 6.4): running 1, a free slot 0.8, waiting 0.6, else 0.
 * An adapter both running and waiting takes two slots; a server that names no slots has none free (protocol 10.6). The raw
 * value is the number of slots taken.
 *
 * vLLM shows the family once an adapter is loaded, so a server whose page was read without it has none at hand: 0
 * (protocol 10.6). A server whose page was never read is not rated.
 */
export const loraAffinityScorer = definePlugin({
  type: "lora-affinity-scorer",
  summary: "Prefers endpoints that run the requested LoRA adapter, then those with a free adapter slot.",
  parameters: noParameters,
  reads: ["adapters"],
  roles: ["scorer"],
  create: () => ({
    scorer: {
      signal: "adapters",
      score: ({ request }, candidates, ratings) => rateByAdapter(request.targetModel, candidates, ratings),
    },
  }),
});

const noAdapters: AdapterState = { running: new Set(), waiting: new Set(), maxAdapters: 0 };

function rateByAdapter(adapter: string, candidates: readonly Endpoint[], { raw, score }: Ratings): void {
  for (let i = 0; i < candidates.length; i++) {
    const { signals } = candidates[i] as Endpoint;
    const state = signals.adapters.value ?? (wasRead(signals) ? noAdapters : undefined);
    raw[i] = state === undefined ? Number.NaN : state.running.size + state.waiting.size;
    score[i] = state === undefined ? Number.NaN : affinity(adapter, state);
  }
}

function wasRead({ waitingRequests, runningRequests, kvCacheRatio }: EndpointSignals): boolean {
  return [waitingRequests, runningRequests, kvCacheRatio].some(({ sampledAtMs }) => Number.isFinite(sampledAtMs));
}

function affinity(adapter: string, { running, waiting, maxAdapters }: AdapterState): number {
  if (running.has(adapter)) return 1;
  if (running.size + waiting.size < (maxAdapters ?? 0)) return 0.8;
  return waiting.has(adapter) ? 0.6 : 0;
}
