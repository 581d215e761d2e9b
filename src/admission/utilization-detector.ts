import type { Endpoint } from "../datastore/endpoint.ts";
import { confidenceOf } from "../datastore/signal.ts";
import { parseDurationMs } from "../lib/duration.ts";
import { z } from "../lib/schema.ts";
import { type Caution, definePlugin } from "../scheduling/plugin.ts";
import { cautionHeadroom, headroom } from "./headroom.ts";
import { type Measure, isCount, isRatio, meanFullness, shareOf } from "./saturation.ts";

const defaultStaleness = "200ms";

const parameters = z.strictObject({
  queueDepthThreshold: z.int().min(1).default(5),
  kvCacheUtilThreshold: z.number().positive().max(1).default(0.8),
  metricsStalenessThreshold: z
    .string()
    .refine((text) => (parseDurationMs(text) ?? 0) > 0, {
      error: ({ input }) => `expected a duration such as ${defaultStaleness}, got ${JSON.stringify(input)}`,
    })
    .default(defaultStaleness),
  headroom,
});
type Parameters = z.infer<typeof parameters>;

/**
 * Rates by what the servers report: an endpoint is as full as the fuller of its queue and its KV cache, each against its
 * threshold (protocol 6.8). As a filter it drops full endpoints and keeps all when none is left (protocol 6.5).
 */
export const utilizationDetector = definePlugin<Parameters>({
  type: "utilization-detector",
  summary: "Tells by queues and KV caches how full the pool is; as a filter, drops full endpoints unless all are.",
  parameters,
  roles: ["detector", "filter"],
  caution: (given) => cautionStaleness(given) ?? cautionHeadroom(given),
  create: ({ queueDepthThreshold, kvCacheUtilThreshold, headroom: spare }) => {
    const limits = { queue: queueDepthThreshold, cache: kvCacheUtilThreshold };
    const widened = { queue: limits.queue * (1 + spare), cache: limits.cache * (1 + spare) };
    const measure: Measure = { confidence: confidenceIn, fullness: (endpoint) => fullnessOf(endpoint, limits) };
    return {
      detector: {
        saturation: (endpoints) => meanFullness(endpoints, measure),
        load: (endpoints) => endpoints.reduce((sum, endpoint) => sum + loadOf(endpoint, limits), 0),
      },
      filter: {
        filter: (_cycle, candidates) => {
          const left = candidates.filter((endpoint) => fullnessOf(endpoint, widened) < 1);
          return left.length === 0 ? candidates : left;
        },
      },
    };
  },
});

/** Beyond which an endpoint is full: requests in its queue, used share of its cache. */
interface Limits {
  readonly queue: number;
  readonly cache: number;
}

function cautionStaleness({ metricsStalenessThreshold }: Parameters): Caution | undefined {
  if (metricsStalenessThreshold === defaultStaleness) return undefined;
  const message = "has no effect: a signal loses weight as it ages, no age makes an endpoint full";
  return { parameter: "metricsStalenessThreshold", message };
}

function fullnessOf(endpoint: Endpoint, { queue, cache }: Limits): number {
  return Math.max(queueFullness(endpoint, queue), cacheFullness(endpoint, cache));
}

function queueFullness({ signals: { waitingRequests } }: Endpoint, limit: number): number {
  return isCount(waitingRequests.value) ? shareOf(waitingRequests.value, limit) * confidenceOf(waitingRequests) : 0;
}

function cacheFullness({ signals: { kvCacheRatio } }: Endpoint, limit: number): number {
  return isRatio(kvCacheRatio.value) ? shareOf(kvCacheRatio.value, limit) * confidenceOf(kvCacheRatio) : 0;
}

function confidenceIn({ signals: { waitingRequests, kvCacheRatio } }: Endpoint): number {
  const inQueue = isCount(waitingRequests.value) ? confidenceOf(waitingRequests) : 0;
  return Math.max(inQueue, isRatio(kvCacheRatio.value) ? confidenceOf(kvCacheRatio) : 0);
}

/** Requests that make the endpoint as full as it is: those of its queue, or those that hold its cache; NaN when not known. */
function loadOf(endpoint: Endpoint, { queue, cache }: Limits): number {
  const byQueue = queueFullness(endpoint, queue);
  const byCache = cacheFullness(endpoint, cache);
  if (byQueue === 0 && byCache === 0) return 0;
  const { waitingRequests, runningRequests } = endpoint.signals;
  if (byQueue >= byCache) return waitingRequests.value ?? Number.NaN;
  const running = runningRequests.source === "total" ? undefined : runningRequests.value;
  return Math.max(isCount(running) ? running : 0, endpoint.inFlightRequests) || Number.NaN;
}
