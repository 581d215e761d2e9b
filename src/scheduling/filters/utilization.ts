import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin } from "../plugin.ts";

const metrics = ["active-requests", "running-requests", "waiting-queue", "kv-cache-utilization"] as const;
type Metric = (typeof metrics)[number];

const parameters = z.strictObject({
  conditions: z.array(z.strictObject({ metric: z.enum(metrics), maxValue: z.number().min(0) })).min(1),
  fallbackOnEmpty: z.boolean().default(false),
});
type Parameters = z.infer<typeof parameters>;

/**
 * Keeps endpoints of which every condition holds: the metric is at most `maxValue` (protocol 6.5). A signal that is unknown
 * holds: a server is not taken out for what nobody knows of it.
 */
export const utilizationFilter = definePlugin<Parameters>({
  type: "utilization-filter",
  summary: "Takes out endpoints above a limit of load.",
  parameters,
  experimental: true,
  roles: ["filter"],
  create: ({ conditions, fallbackOnEmpty }) => ({
    filter: {
      filter: (_cycle, candidates) => {
        const kept = candidates.filter((endpoint) =>
          conditions.every(({ metric, maxValue }) => !(loadOf(endpoint, metric) > maxValue)),
        );
        return kept.length === 0 && fallbackOnEmpty ? candidates : kept;
      },
    },
  }),
});

/** NaN where it is unknown. */
function loadOf({ signals, inFlightRequests }: Endpoint, metric: Metric): number {
  switch (metric) {
    case "active-requests":
      return inFlightRequests;
    case "running-requests": {
      const { value, source } = signals.runningRequests;
      return source === "total" ? Number.NaN : inRange(value, Number.MAX_VALUE);
    }
    case "waiting-queue":
      return inRange(signals.waitingRequests.value, Number.MAX_VALUE);
    case "kv-cache-utilization":
      return inRange(signals.kvCacheRatio.value, 1);
  }
}

function inRange(value: number | undefined, greatest: number): number {
  return value !== undefined && value >= 0 && value <= greatest ? value : Number.NaN;
}
