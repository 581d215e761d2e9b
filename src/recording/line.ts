import { z } from "../lib/schema.ts";

/**
 * Version of the lines; the same as that of decision records, whose names they use. Lines and fields may be added within a
 * version; it grows when one is removed or means something else.
 */
export { schemaVersion } from "../decisions/decision-record.ts";
import { schemaVersion } from "../decisions/decision-record.ts";

/** Number of an endpoint's incarnation in this recording. */
const e = z.int().min(0);
/** Number of a request in this recording. */
const n = z.int().min(0);
/** Milliseconds on the picker's monotonic clock. */
const atMs = z.number();
/** Says again, at the beginning of a later file, what earlier files have said: nothing happened. */
const repeated = z.literal(true).optional();
/** null: unusable on the page. Absent: the page has no such family. */
const reading = z.number().nullable().optional();

/** Begins every file. */
const header = z.object({
  kind: z.literal("header"),
  schemaVersion: z.literal(schemaVersion),
  /** Id of the recording: the same in all its files. */
  recording: z.string(),
  /** Place of the file in the recording, from 1. */
  file: z.int().min(1),
  pool: z.string(),
  /** `picker`: recorded by a picker that decides; `watch`: samples alone, beside any picker. */
  source: z.enum(["picker", "watch"]),
  /** Begin of the file, for people, and the same moment on the monotonic clock. */
  startedAt: z.string(),
  startedAtMs: z.number(),
  /** How signals are treated. */
  corrections: z.boolean(),
  halfLifeMs: z.object({ min: z.number(), max: z.number() }),
});

const endpoint = z.object({
  e,
  id: z.string(),
  incarnation: z.string(),
  host: z.string(),
  port: z.int(),
  address: z.string(),
  name: z.string(),
  namespace: z.string(),
  labels: z.record(z.string(), z.string()),
});

const sample = z.object({
  kind: z.literal("sample"),
  e,
  atMs,
  waiting: reading,
  running: reading,
  runningIsTotal: z.literal(true).optional(),
  kv: reading,
  adapters: z
    .object({ running: z.array(z.string()), waiting: z.array(z.string()), max: z.number().nullable() })
    .nullable()
    .optional(),
  cache: z.object({ blockSizeTokens: z.number().nullable(), blocks: z.number().nullable() }).nullable().optional(),
  absent: z.array(z.enum(["waitingRequests", "runningRequests", "kvCacheRatio"])).optional(),
  /** As in the sample of this endpoint before. */
  same: z.array(z.enum(["adapters", "cache"])).optional(),
});

const pick = z.object({
  kind: z.literal("pick"),
  n,
  requestId: z.string(),
  /** null: nobody said. */
  arrivedAtMs: z.number().nullable(),
  decidedAtMs: z.number(),
  api: z.string(),
  model: z.string(),
  /** Absent: `model`. */
  targetModel: z.string().optional(),
  objective: z.string().optional(),
  priority: z.number().optional(),
  fairnessId: z.string().optional(),
  streaming: z.literal(true).optional(),
  onlyIfCached: z.literal(true).optional(),
  maxOutputTokens: z.number().optional(),
  promptBytes: z.number(),
  /** As it was estimated when it was decided; absent when it was not scheduled. */
  promptTokens: z.number().optional(),
  outputTokens: z.number().optional(),
  /** Tokens a block, and the salted hashes of the blocks in base64: two 32-bit words a block, little-endian. */
  blockTokens: z.number().optional(),
  blocks: z.string().optional(),
  /** Index behind the last block of each of several prompts. */
  chainEnds: z.array(z.number()).optional(),
  /** What the host's hint allows; absent: the whole pool. */
  allowed: z.array(e).optional(),
  draws: z.array(z.number()),
  candidates: z.number(),
  total: z.number().nullable(),
  margin: z.number().nullable(),
  /** Best first; empty for a refusal. */
  picked: z.array(e),
  /** Why it was refused; absent when it was forwarded. */
  reason: z.string().optional(),
});

/** One line of a recording. */
export const lineSchema = z.discriminatedUnion("kind", [
  header,
  /** The config from here on. */
  z.object({ kind: z.literal("config"), atMs, revision: z.string(), text: z.string(), repeated }),
  /** These are the whole pool, in order. */
  z.object({ kind: z.literal("pool"), atMs, endpoints: z.array(endpoint), repeated }),
  z.object({ kind: z.literal("endpoint"), atMs, endpoint }),
  z.object({ kind: z.literal("gone"), atMs, id: z.string() }),
  /** A sample is asked for. */
  z.object({ kind: z.literal("ask"), e, atMs }),
  sample,
  z.object({ kind: z.literal("contact"), e, outcome: z.enum(["answered", "refused", "unclear"]) }),
  /** The pool was looked at beside decisions. */
  z.object({ kind: z.literal("look"), atMs }),
  pick,
  /** Refused before it was read. */
  z.object({ kind: z.literal("refused"), atMs, requestId: z.string(), reason: z.string() }),
  z.object({ kind: z.literal("sent"), n }),
  z.object({ kind: z.literal("moved"), n, e, atMs }),
  z.object({ kind: z.literal("first"), n, atMs }),
  z.object({
    kind: z.literal("done"),
    n,
    atMs,
    cause: z.enum(["completed", "client-disconnect", "error", "moved"]),
    status: z.number().optional(),
    /** As the response said. */
    promptTokens: z.number().optional(),
    outputTokens: z.number().optional(),
    cachedTokens: z.number().optional(),
  }),
  /** So many lines are not here: the disk was too slow or full. */
  z.object({ kind: z.literal("dropped"), lines: z.int() }),
  /** The recording was ended in order. */
  z.object({ kind: z.literal("end"), atMs }),
]);

/** See `lineSchema`. */
export type RecordingLine = z.infer<typeof lineSchema>;
export type RecordedPick = Extract<RecordingLine, { kind: "pick" }>;
export type RecordedSample = Extract<RecordingLine, { kind: "sample" }>;
export type RecordingHeader = Extract<RecordingLine, { kind: "header" }>;
export type RecordedEndpoint = z.infer<typeof endpoint>;
