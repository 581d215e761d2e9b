import type { Endpoint } from "../datastore/endpoint.ts";
import type { NumberArena } from "../lib/number-arena.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { RouteDecision } from "../routing/decision.ts";
import type { Decided } from "../routing/route-request.ts";
import type { Cycle, Removing } from "../scheduling/plugin.ts";
import { PrefixMatch } from "../scheduling/prefix/prefix-match.ts";
import type { Scheduled, Trace } from "../scheduling/schedule.ts";
import type {
  FoundValues,
  KeptCourse,
  KeptDecision,
  KeptOutcome,
  KeptRequest,
  Left,
  PrefixFinding,
} from "./kept-decision.ts";
import type { SnapshotKeeper } from "./kept-snapshot.ts";

/** When and under which config a decision was made. */
export interface DecisionMoment {
  readonly sequence: number;
  readonly decidedAtMs: number;
  readonly wallMs: number;
  readonly configRevision: string;
}

const none: readonly never[] = [];

/** Where the parts of decisions are kept. */
export interface DecisionStorage {
  readonly snapshots: SnapshotKeeper;
  readonly arena: NumberArena;
}

/** Copies what does not outlive the decision, and refers to the rest. Call before the request is dispatched. */
export function keepDecision(decided: Decided, moment: DecisionMoment, storage: DecisionStorage): KeptDecision {
  const { request, arrivedAtMs, pool, allowed, offered, scheduled, decision } = decided;
  const { sequence, wallMs, configRevision } = moment;
  return {
    sequence,
    arrivedAtMs,
    decidedAtMs: scheduled?.cycle.nowMs ?? moment.decidedAtMs,
    wallMs,
    requestId: request.requestId,
    request: keepRequest(request, scheduled),
    configRevision,
    outcome: keepOutcome(decision, scheduled),
    snapshot: storage.snapshots.keep(pool),
    allowed: indicesOf(pool, allowed, pool.length),
    offered: indicesOf(pool, offered, allowed.length),
    course: scheduled === undefined ? undefined : keepCourse(scheduled, decided, storage.arena),
  };
}

function keepRequest(request: InferenceRequest, scheduled: Scheduled | undefined): KeptRequest {
  const { requestId, kind, model, targetModel, objective, priority, fairnessId, streaming, promptBytes } = request;
  const { inputTokens, outputTokens } = scheduled?.cycle.tokens ?? { inputTokens: undefined, outputTokens: undefined };
  const names = { requestId, api: kind, model, targetModel, objective, priority, fairnessId };
  return { ...names, streaming, promptBytes, inputTokens, outputTokens };
}

function keepOutcome(decision: RouteDecision, scheduled: Scheduled | undefined): KeptOutcome {
  if (decision.kind === "forward") return { destination: decision.destination, refusal: undefined, by: undefined };
  const by = scheduled === undefined || scheduled.kind === "picked" ? undefined : scheduled.by;
  return { destination: undefined, refusal: decision, by };
}

/** Where the endpoints that were left stand in the pool; undefined when none of the `before` was removed. */
function indicesOf(pool: readonly Endpoint[], left: readonly Endpoint[], before: number): Left {
  if (left.length === before) return undefined;
  let next = 0;
  return left.map((endpoint) => {
    if (pool[next] !== endpoint) next = pool.indexOf(endpoint, next);
    return next++;
  });
}

function indicesBySteps(
  pool: readonly Endpoint[],
  offered: readonly Endpoint[],
  steps: readonly (readonly Endpoint[])[],
): readonly Left[] {
  if (steps.length === 0) return none;
  return steps.map((left, i) => indicesOf(pool, left, (steps[i - 1] ?? offered).length));
}

/** For decisions that ended before a profile ran. */
const unrated = {
  profile: undefined,
  offered: none,
  kept: none,
  filtered: none,
  candidates: none,
  draws: none,
  picked: none,
};

function keepCourse(scheduled: Scheduled, { pool, offered }: Decided, arena: NumberArena): KeptCourse {
  const { plan, cycle, screened } = scheduled;
  const trace = scheduled.kind === "denied" ? undefined : scheduled.trace;
  const { profile, kept, filtered, candidates, draws, picked, offered: toFilters } = trace ?? unrated;
  return {
    screeners: plan.screeners,
    screened: indicesBySteps(pool, offered, screened),
    screenedFound: foundBySteps(cycle, offered, screened, (i) => plan.screeners[i]?.screener),
    profile,
    kept: indicesBySteps(pool, toFilters, kept),
    keptFound: foundBySteps(cycle, toFilters, kept, (i) => profile?.filters[i]?.filter),
    rated: indicesOf(pool, candidates, filtered.length),
    candidateCount: candidates.length,
    numbers: keepNumbers(trace, arena),
    drawCount: draws.length,
    picked,
    findings: keepFindings(cycle, candidates[picked[0] ?? -1]),
  };
}

/** Per step the value of every endpoint it removed, for steps that have values and removed any. */
function foundBySteps(
  cycle: Cycle,
  offered: readonly Endpoint[],
  steps: readonly (readonly Endpoint[])[],
  removing: (step: number) => Removing | undefined,
): readonly (FoundValues | undefined)[] {
  let before = offered;
  let values: (FoundValues | undefined)[] | undefined;
  for (const [i, left] of steps.entries()) {
    const step = removing(i);
    if (step?.found !== undefined && left.length < before.length) {
      values ??= Array.from(steps, () => undefined);
      values[i] = removedBetween(before, left).map((endpoint) => step.found?.(cycle, endpoint));
    }
    before = left;
  }
  return values ?? none;
}

/** The endpoints of `before` that `left` lacks, in order; both are in the same order. */
export function removedBetween(before: readonly Endpoint[], left: readonly Endpoint[]): readonly Endpoint[] {
  if (before === left) return none;
  let next = 0;
  return before.filter((endpoint) => {
    if (endpoint !== left[next]) return true;
    next++;
    return false;
  });
}

function keepNumbers(trace: Trace | undefined, arena: NumberArena): KeptCourse["numbers"] {
  if (trace === undefined) return arena.take(0);
  const { candidates, profile, ratings, totals, draws } = trace;
  const count = candidates.length;
  const slice = arena.take(count * (2 * profile.scorers.length + 1) + draws.length);
  let at = slice.offset;
  const copy = (from: ArrayLike<number>, length: number): void => {
    for (let i = 0; i < length; i++) slice.block[at++] = from[i] as number;
  };
  for (let s = 0; s < profile.scorers.length; s++) {
    const { raw = none, score = none } = ratings[s] ?? {};
    copy(raw, count);
    copy(score, count);
  }
  copy(totals, count);
  copy(draws, draws.length);
  return slice;
}

function keepFindings({ produced }: Cycle, picked: Endpoint | undefined): readonly PrefixFinding[] {
  let findings: readonly PrefixFinding[] = none;
  for (const [producer, data] of produced) {
    if (!(data instanceof PrefixMatch)) continue;
    const { totalBlocks, blockSizeTokens } = data;
    const matchedBlocks = picked === undefined ? 0 : data.matchedBlocks(picked);
    const finding = { producer, totalBlocks, blockSizeTokens, matchedBlocks };
    findings = findings === none ? [finding] : [...findings, finding];
  }
  return findings;
}
