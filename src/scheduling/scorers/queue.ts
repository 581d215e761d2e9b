import { noParameters } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";
import { rateShortestFirst } from "./shortest-first.ts";

/** Prefers short queues: (max - waiting) / (max - min) over the candidates; all equal: 1 (protocol 6.4). */
export const queueScorer = definePlugin({
  type: "queue-scorer",
  summary: "Prefers the shortest queue of waiting requests.",
  parameters: noParameters,
  reads: ["waitingRequests"],
  roles: ["scorer"],
  create: () => ({
    scorer: {
      signal: "waitingRequests",
      score: (_cycle, candidates, ratings) =>
        rateShortestFirst(candidates, ratings, ({ signals }) => signals.waitingRequests),
    },
  }),
});
