import { noParameters } from "../parameters.ts";
import { definePlugin } from "../plugin.ts";
import { rateShortestFirst } from "./shortest-first.ts";

/** Prefers small batches: (max - running) / (max - min) over the candidates; all equal: 1 (protocol 6.4). */
export const runningRequestsScorer = definePlugin({
  type: "running-requests-size-scorer",
  summary: "Prefers the fewest running requests.",
  parameters: noParameters,
  reads: ["runningRequests"],
  roles: ["scorer"],
  create: () => ({
    scorer: {
      signal: "runningRequests",
      score: (_cycle, candidates, ratings) =>
        rateShortestFirst(candidates, ratings, ({ signals }) => signals.runningRequests),
    },
  }),
});
