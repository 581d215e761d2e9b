import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { deny } from "../denial.ts";
import { definePlugin } from "../plugin.ts";

const parameters = z.strictObject({
  queueDepthThreshold: z.int().min(1).default(5),
  kvCacheUtilThreshold: z.number().positive().max(1).default(0.8),
  power: z.number().positive().default(5),
  k: z.number().positive().default(300),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Sheds requests of priority below 0 at random, the more the fuller the pool is (protocol 6.7): with the chance
 * min(1, k x saturation^power). Denial: ResourceExhausted, 429.
 */
export const probabilisticAdmitter = definePlugin<Parameters>({
  type: "probabilistic-admitter",
  summary: "Refuses sheddable requests at random, the more the fuller the pool is.",
  parameters,
  roles: ["admitter"],
  create: (given) => ({
    admitter: {
      admit: ({ request, random }, endpoints) => {
        if (request.priority >= 0) return undefined;
        const saturation = saturationOf(endpoints, given);
        const chance = given.k * saturation ** given.power;
        if (chance < 1 && random() >= chance) return undefined;
        const figures = `saturation ${saturation.toFixed(3)}, chance ${Math.min(1, chance).toFixed(2)}`;
        return deny("ResourceExhausted", `sheddable request dropped at random: ${figures}`);
      },
    },
  }),
});

/**
 * Mean over the endpoints of the greater of queue / threshold and KV cache share / threshold. Endpoints of which neither is
 * known are left out; 0 when that is all of them: an outage of metrics sheds nothing.
 */
function saturationOf(endpoints: readonly Endpoint[], given: Parameters): number {
  let sum = 0;
  let known = 0;
  for (const { signals } of endpoints) {
    const { waitingRequests, kvCacheRatio } = signals;
    const queue = shareOf(waitingRequests.value, Number.MAX_VALUE, given.queueDepthThreshold);
    const cache = shareOf(kvCacheRatio.value, 1, given.kvCacheUtilThreshold);
    const greater = Math.max(queue, cache);
    if (greater < 0) continue;
    sum += greater;
    known++;
  }
  return known === 0 ? 0 : sum / known;
}

/** -1 where it is unknown. */
function shareOf(value: number | undefined, greatest: number, threshold: number): number {
  return value !== undefined && value >= 0 && value <= greatest ? value / threshold : -1;
}
