import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { InFlightLoad } from "../in-flight-load.ts";
import { definePlugin, type Ratings } from "../plugin.ts";

const producerType = "inflight-load-producer";

const parameters = z.strictObject({
  idleThreshold: z.int().min(0).default(0),
  maxBusyScore: z.number().min(0).max(1).default(1),
  inFlightLoadProducerName: z.string().min(1).optional(),
  requestTimeout: z.string().optional(),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Prefers endpoints to which this picker has sent few requests that have not ended: up to `idleThreshold` 1, else
 * (max - count) / max x maxBusyScore over the candidates (protocol 6.4). Raw: the count.
 */
export const activeRequestScorer = definePlugin<Parameters>({
  type: "active-request-scorer",
  summary: "Prefers endpoints with few requests of this picker under way.",
  parameters,
  requires: [{ type: producerType, parameter: "inFlightLoadProducerName" }],
  roles: ["scorer"],
  create: (given, environment) => {
    const producer = environment.required(producerType);
    return {
      scorer: {
        score: (cycle, candidates, ratings) => {
          const load = cycle.produced.get(producer);
          if (load instanceof InFlightLoad) rateByCount(load, given, candidates, ratings);
        },
      },
    };
  },
  caution: ({ requestTimeout }) =>
    requestTimeout === undefined
      ? undefined
      : { parameter: "requestTimeout", message: "has no effect: a request counts until its stream ends" },
});

function rateByCount(
  load: InFlightLoad,
  { idleThreshold, maxBusyScore }: Parameters,
  candidates: readonly Endpoint[],
  { raw, score }: Ratings,
): void {
  let most = 0;
  for (let i = 0; i < candidates.length; i++) {
    const count = load.requests(candidates[i] as Endpoint);
    raw[i] = count;
    if (count > most) most = count;
  }
  for (let i = 0; i < candidates.length; i++) {
    const count = raw[i] as number;
    score[i] = count <= idleThreshold ? 1 : ((most - count) / most) * maxBusyScore;
  }
}
