import { z } from "../lib/schema.ts";

/** Version of the schema. Fields may be added within a version; it grows when one is removed or means something else. */
export const schemaVersion = 1;

const plugin = z.object({ name: z.string(), type: z.string() });
/** null: unknown. */
const number = z.number().nullable();

const signal = z.object({
  value: number,
  scraped: number,
  ageMs: number,
  correction: number,
  confidence: z.number(),
  source: z.enum(["scraped", "corrected", "blended", "total", "absent", "unknown"]),
});

const adapters = z.object({
  running: z.array(z.string()),
  waiting: z.array(z.string()),
  maxAdapters: number,
  ageMs: number,
  source: signal.shape.source,
});

const cache = z.object({ blockSizeTokens: number, blocks: number, ageMs: number });

/** The signals of an endpoint as JSON. */
export const signalsSchema = z.object({
  waitingRequests: signal,
  runningRequests: signal,
  kvCacheRatio: signal,
  adapters: adapters.nullable(),
  cache: cache.nullable(),
});

/** Where a newcomer stands with its share of requests; null: it is no newcomer. */
export const slowStartSchema = z.enum(["ahead", "even", "behind"]).nullable();

const removed = z.object({ id: z.string(), address: z.string(), found: z.union([z.number(), z.string()]).nullable() });

const removal = z.object({
  step: z.enum(["subset-hint", "last-resort", "screener", "filter", "slow-start"]),
  by: plugin.nullable(),
  looksAt: z.string().nullable(),
  removed: z.array(removed),
});

const candidate = z.object({
  id: z.string(),
  address: z.string(),
  host: z.string(),
  labels: z.record(z.string(), z.string()),
  inFlightRequests: z.number(),
  prefillTokens: z.number(),
  lastResort: z.boolean(),
  slowStart: slowStartSchema,
  signals: signalsSchema,
  scores: z.array(z.object({ raw: number, score: z.number() })),
  total: number,
});

const finding = z.object({
  producer: z.string(),
  totalBlocks: z.number(),
  blockSizeTokens: z.number(),
  matchedBlocks: z.number(),
});

const request = z.object({
  api: z.string(),
  model: z.string(),
  targetModel: z.string(),
  objective: z.string(),
  priority: z.number(),
  fairnessId: z.string(),
  streaming: z.boolean(),
  promptBytes: z.number(),
  promptTokens: number,
  outputTokens: number,
});

const outcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("forwarded"), destination: z.string() }),
  z.object({
    kind: z.literal("rejected"),
    reason: z.string(),
    status: z.number(),
    code: z.string(),
    message: z.string(),
    by: plugin.nullable(),
  }),
]);

/**
 * One decision in full, as JSON: what `/debug/decisions/ID` answers and `epp explain` reads. docs/decision-record.md tells the
 * meaning of every field. `candidates[i].scores[s]` belongs to `scorers[s]`; a number that is unknown or not finite is null.
 */
export const decisionRecordSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  sequence: z.number(),
  requestId: z.string(),
  arrivedAt: z.string().nullable(),
  arrivedAtMs: number,
  decidedAt: z.string(),
  decidedAtMs: z.number(),
  configRevision: z.string(),
  request: request.nullable(),
  outcome,
  pool: z.object({ endpoints: z.number(), allowed: z.number() }),
  removals: z.array(removal),
  profile: z.string().nullable(),
  scorers: z.array(plugin.extend({ weight: z.number(), signal: z.string().nullable() })),
  picker: plugin.extend({ parameters: z.record(z.string(), z.json()) }).nullable(),
  findings: z.array(finding),
  candidates: z.array(candidate),
  draws: z.array(z.number()),
  picked: z.array(z.string()),
  margin: number,
  choice: z.enum(["only-candidate", "greatest-total", "tie", "chance", "none"]),
});

/** See `decisionRecordSchema`. */
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;
export type CandidateRecord = DecisionRecord["candidates"][number];
export type RemovalRecord = DecisionRecord["removals"][number];
export type SignalRecord = z.infer<typeof signal>;
export type SignalsRecord = z.infer<typeof signalsSchema>;

/** How much the ring reaches back over. */
export const keptSchema = z.object({
  records: z.number(),
  bytes: z.number(),
  spanSeconds: z.number(),
  maxRecords: z.number(),
  maxBytes: z.number(),
});

/** Answer of `/debug/decisions/ID`: the decisions of that id, newest first, 20 at most; none when the ring has none. */
export const decisionsOfRequestSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  requestId: z.string(),
  kept: keptSchema,
  decisions: z.array(decisionRecordSchema),
});

/** See `decisionsOfRequestSchema`. */
export type DecisionsOfRequest = z.infer<typeof decisionsOfRequestSchema>;
