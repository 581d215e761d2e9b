import type { Endpoint } from "../datastore/endpoint.ts";
import { codeOf, statusOf } from "../routing/decision.ts";
import { type Explanation, explain } from "../scheduling/explain.ts";
import type { PluginIdentity } from "../scheduling/plan.ts";
import type { Removing } from "../scheduling/plugin.ts";
import type { Trace } from "../scheduling/schedule.ts";
import { type CandidateRecord, type DecisionRecord, type RemovalRecord, schemaVersion } from "./decision-record.ts";
import { removedBetween } from "./keep-decision.ts";
import type { FoundValues, KeptCourse, KeptDecision, KeptRequest } from "./kept-decision.ts";
import { choiceOf, type RevivedDecision, reviveDecision } from "./kept-trace.ts";
import { finiteOrNull, recordSignals } from "./signals-record.ts";

type Rated = Pick<
  DecisionRecord,
  "profile" | "scorers" | "picker" | "findings" | "candidates" | "draws" | "picked" | "margin" | "choice"
>;

/** A kept decision in full. */
export function expandDecision(kept: KeptDecision): DecisionRecord {
  const { sequence, requestId, arrivedAtMs, decidedAtMs, wallMs, configRevision, course } = kept;
  const revived = reviveDecision(kept);
  const arrivedAt = Number.isNaN(arrivedAtMs) ? null : new Date(wallMs - (decidedAtMs - arrivedAtMs)).toISOString();
  return {
    schemaVersion,
    sequence,
    requestId,
    arrivedAt,
    arrivedAtMs: finiteOrNull(arrivedAtMs),
    decidedAt: new Date(wallMs).toISOString(),
    decidedAtMs,
    configRevision,
    request: kept.request === undefined ? null : expandRequest(kept.request),
    outcome: expandOutcome(kept),
    pool: { endpoints: revived.pool.length, allowed: revived.allowed.length },
    removals: expandRemovals(revived, course),
    ...expandRated(revived.trace, course, decidedAtMs),
  };
}

const unrated: Rated = {
  profile: null,
  scorers: [],
  picker: null,
  findings: [],
  candidates: [],
  draws: [],
  picked: [],
  margin: null,
  choice: "none",
};

/** How candidates were rated and picked. */
function expandRated(trace: Trace | undefined, course: KeptCourse | undefined, nowMs: number): Rated {
  const findings = (course?.findings ?? []).map((finding) => ({ ...finding }));
  if (trace === undefined) return { ...unrated, findings };
  const explanation = explain(trace);
  return {
    profile: explanation.profile,
    scorers: expandScorers(trace),
    picker: expandPicker(trace),
    findings,
    candidates: expandCandidates(trace, explanation, nowMs),
    draws: [...explanation.draws],
    picked: [...explanation.picked],
    margin: finiteOrNull(explanation.margin ?? undefined),
    choice: choiceOf({ ...trace, candidateCount: trace.candidates.length }),
  };
}

function expandRequest({ inputTokens, outputTokens, ...kept }: KeptRequest): DecisionRecord["request"] {
  const { api, model, targetModel, objective, priority, fairnessId, streaming, promptBytes } = kept;
  const names = { api, model, targetModel, objective, priority, fairnessId, streaming, promptBytes };
  return { ...names, promptTokens: finiteOrNull(inputTokens), outputTokens: finiteOrNull(outputTokens) };
}

function expandOutcome({ outcome: { destination, refusal, by } }: KeptDecision): DecisionRecord["outcome"] {
  if (refusal === undefined) return { kind: "forwarded", destination: destination ?? "" };
  const { reason, message } = refusal;
  const named = by === undefined ? null : { name: by.name, type: by.type };
  return { kind: "rejected", reason, status: statusOf(refusal), code: codeOf(refusal), message, by: named };
}

function expandRemovals(revived: RevivedDecision, course: KeptCourse | undefined): RemovalRecord[] {
  const { pool, allowed, offered, screened, trace } = revived;
  const removals: RemovalRecord[] = [];
  let before = pool;
  const step: Step = (kind, left, more = {}) => {
    const { plugin, removing, found } = more;
    const removed = removedBetween(before, left).map(({ id, address }, i) => ({
      id,
      address,
      found: found?.[i] ?? null,
    }));
    before = left;
    if (plugin === undefined && removed.length === 0) return;
    const by = plugin === undefined ? null : { name: plugin.name, type: plugin.type };
    removals.push({ step: kind, by, looksAt: removing?.looksAt ?? null, removed });
  };
  step("subset-hint", allowed);
  step("last-resort", offered);
  for (const [i, left] of screened.entries()) {
    const plugin = course?.screeners[i];
    step("screener", left, { plugin, removing: plugin?.screener, found: course?.screenedFound[i] });
  }
  for (const [i, left] of (trace?.kept ?? []).entries()) {
    const plugin = trace?.profile.filters[i];
    step("filter", left, { plugin, removing: plugin?.filter, found: course?.keptFound[i] });
  }
  if (trace !== undefined) stepNewcomers(trace, step);
  return removals;
}

/** Newcomers are held back, or preferred to all others: by where they stand with their share. */
function stepNewcomers({ filtered, candidates }: Trace, step: Step): void {
  const found = removedBetween(filtered, candidates).map(({ slowStart }) => slowStart);
  step("slow-start", candidates, { removing: { looksAt: "share of requests" }, found });
}

type Step = (kind: RemovalRecord["step"], left: readonly Endpoint[], more?: StepTraits) => void;

interface StepTraits {
  readonly plugin?: PluginIdentity | undefined;
  readonly removing?: Removing | undefined;
  readonly found?: FoundValues | undefined;
}

function expandScorers({ profile }: Trace): DecisionRecord["scorers"] {
  return profile.scorers.map(({ name, type, weight, scorer }) => {
    return { name, type, weight: weight + 0, signal: scorer.signal ?? null };
  });
}

function expandPicker({ profile: { picker } }: Trace): DecisionRecord["picker"] {
  const { name, type, parameters } = picker;
  // Parameters come from a YAML document, so they are JSON; a copy keeps the frozen plan's own.
  return { name, type, parameters: JSON.parse(JSON.stringify(parameters ?? {})) as Record<string, never> };
}

function expandCandidates(trace: Trace, explanation: Explanation, nowMs: number): CandidateRecord[] {
  return explanation.candidates.map(({ id, scores, total }, i) => {
    const { address, host, labels, inFlightRequests, prefillTokens, lastResort, slowStart, signals } = trace.candidates[
      i
    ] as Endpoint;
    return {
      id,
      address,
      host,
      labels,
      inFlightRequests,
      prefillTokens,
      lastResort,
      slowStart: slowStart ?? null,
      signals: recordSignals(signals, nowMs),
      scores: scores.map(({ raw, score }) => ({ raw: raw === null ? null : raw + 0, score: score + 0 })),
      total: finiteOrNull(total),
    };
  });
}
