import { z } from "../lib/schema.ts";
import { statusOf } from "../routing/decision.ts";
import { marginOf } from "../scheduling/explain.ts";
import { type DecisionsOfRequest, decisionRecordSchema, keptSchema, schemaVersion } from "./decision-record.ts";
import type { DecisionLog } from "./decision-log.ts";
import { expandDecision } from "./expand-decision.ts";
import type { KeptDecision } from "./kept-decision.ts";
import { choiceOf, type KeptRatings, pickedId, ratingsOf } from "./kept-trace.ts";
import { finiteOrNull } from "./signals-record.ts";

const summary = z.object({
  sequence: z.number(),
  requestId: z.string(),
  decidedAt: z.string(),
  decidedAtMs: z.number(),
  model: z.string().nullable(),
  targetModel: z.string().nullable(),
  outcome: z.enum(["forwarded", "rejected"]),
  endpoint: z.string().nullable(),
  destination: z.string().nullable(),
  reason: z.string().nullable(),
  status: z.number().nullable(),
  candidates: z.number(),
  total: z.number().nullable(),
  margin: z.number().nullable(),
  choice: decisionRecordSchema.shape.choice,
});

/** Answer of `/debug/decisions`: newest first; docs/decision-record.md tells the meaning of every field. */
export const decisionsPageSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  now: z.string(),
  nowMs: z.number(),
  kept: keptSchema,
  decisions: z.array(summary),
});

/** See `decisionsPageSchema`. */
export type DecisionsPage = z.infer<typeof decisionsPageSchema>;

type Summary = DecisionsPage["decisions"][number];

/** A decision in one line; takes no longer than a look at its totals. */
export function summarize(kept: KeptDecision): Summary {
  const { sequence, requestId, decidedAtMs, wallMs, request, course, outcome } = kept;
  const { destination = null, refusal } = outcome;
  const { model = null, targetModel = null } = request ?? {};
  return {
    sequence,
    requestId,
    decidedAt: new Date(wallMs).toISOString(),
    decidedAtMs,
    model,
    targetModel,
    outcome: refusal === undefined ? "forwarded" : "rejected",
    destination,
    reason: refusal?.reason ?? null,
    status: refusal === undefined ? null : statusOf(refusal),
    endpoint: pickedId(kept) ?? null,
    ...summarizePick(ratingsOf(course)),
  };
}

function summarizePick(rated: KeptRatings | undefined): Pick<Summary, "candidates" | "total" | "margin" | "choice"> {
  if (rated === undefined) return { candidates: 0, total: null, margin: null, choice: "none" };
  const { candidateCount, totals, picked } = rated;
  return {
    candidates: candidateCount,
    total: finiteOrNull(totals[picked[0] ?? -1]),
    margin: finiteOrNull(marginOf(candidateCount, totals, picked) ?? undefined),
    choice: choiceOf(rated),
  };
}

/** How much the log holds, as pages say it. */
export function describeKept({ state }: DecisionLog): z.infer<typeof keptSchema> {
  const { records, bytes, spanSeconds, limits } = state;
  return { records, bytes, spanSeconds, maxRecords: limits.records, maxBytes: limits.bytes };
}

/** Most decisions of one request id that a page tells: whoever sends the requests chooses their ids. */
const maxOfRequest = 20;

/** The newest kept decisions of a request id in full, 20 at most. */
export function describeRequest(log: DecisionLog, requestId: string): DecisionsOfRequest {
  return {
    schemaVersion,
    requestId,
    kept: describeKept(log),
    decisions: log.find(requestId, maxOfRequest).map(expandDecision),
  };
}
