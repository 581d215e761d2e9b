import type { Endpoint } from "../datastore/endpoint.ts";
import { schemaVersion, signalsSchema, slowStartSchema } from "./decision-record.ts";
import { z } from "../lib/schema.ts";
import type { RecentPick } from "./recent-picks.ts";
import { finiteOrNull, recordSignals } from "./signals-record.ts";

/** Answer of `/debug/endpoints`; docs/decision-record.md tells the meaning of every field. */
export const endpointsPageSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  now: z.string(),
  nowMs: z.number(),
  configRevision: z.string(),
  pool: z.string(),
  endpoints: z.array(
    z.object({
      id: z.string(),
      address: z.string(),
      labels: z.record(z.string(), z.string()),
      inFlightRequests: z.number(),
      prefillTokens: z.number(),
      lastResort: z.boolean(),
      slowStart: slowStartSchema,
      signals: signalsSchema,
      drift: z.number().nullable(),
      picksLastMinute: z.number(),
      shareLastMinute: z.number().nullable(),
      prefixHitShareLastMinute: z.number().nullable(),
    }),
  ),
});

/** See `endpointsPageSchema`. */
export type EndpointsPage = z.infer<typeof endpointsPageSchema>;

/** What the page is about. */
export interface EndpointsPageInput {
  readonly endpoints: readonly Endpoint[];
  readonly recent: ReadonlyMap<string, RecentPick>;
  readonly nowMs: number;
  readonly wallMs: number;
  readonly configRevision: string;
  /** Name of the pool. */
  readonly pool: string;
}

/** Every endpoint as it is known now. */
export function describeEndpoints(input: EndpointsPageInput): EndpointsPage {
  const { endpoints, recent, nowMs, wallMs, configRevision, pool } = input;
  let allPicks = 0;
  for (const { picks } of recent.values()) allPicks += picks;
  return {
    schemaVersion,
    now: new Date(wallMs).toISOString(),
    nowMs,
    configRevision,
    pool,
    endpoints: endpoints.map((endpoint) => {
      const { id, address, labels, inFlightRequests, prefillTokens, lastResort, slowStart, signals } = endpoint;
      const { picks = 0, totalBlocks = 0, matchedBlocks = 0 } = recent.get(id) ?? {};
      return {
        id,
        address,
        labels: { ...labels },
        inFlightRequests,
        prefillTokens,
        lastResort,
        slowStart: slowStart ?? null,
        signals: recordSignals(signals, nowMs),
        drift: driftOf(endpoint),
        picksLastMinute: picks,
        shareLastMinute: allPicks === 0 ? null : picks / allPicks,
        prefixHitShareLastMinute: totalBlocks === 0 ? null : matchedBlocks / totalBlocks,
      };
    }),
  };
}

/** Requests at the server that are not ours, by the signals as decisions see them; null when it does not show both counts as of now. */
function driftOf({ signals: { waitingRequests, runningRequests }, inFlightRequests }: Endpoint): number | null {
  if (runningRequests.source === "total") return null;
  return finiteOrNull((waitingRequests.value ?? Number.NaN) + (runningRequests.value ?? Number.NaN) - inFlightRequests);
}
