import type { EndpointId } from "../datastore/endpoint.ts";
import type { PluginIdentity } from "./plan.ts";
import type { Trace } from "./schedule.ts";

/** What one filter did. */
export interface FilterExplanation extends PluginIdentity {
  readonly removed: readonly EndpointId[];
}

/** How one candidate was rated: `scores[s]` belongs to `scorers[s]`. */
export interface CandidateExplanation {
  readonly id: EndpointId;
  /** `raw`: what the scorer looked at, null when unknown. `score`: 0..1. */
  readonly scores: readonly { readonly raw: number | null; readonly score: number }[];
  /** Sum of weight x score in the order of the scorers, from 0. */
  readonly total: number;
}

/** A decision as plain data that can be kept, printed and replayed. */
export interface Explanation {
  readonly profile: string;
  readonly filters: readonly FilterExplanation[];
  readonly scorers: readonly (PluginIdentity & { readonly weight: number })[];
  /** In the order the picker saw them. */
  readonly candidates: readonly CandidateExplanation[];
  /** Random numbers drawn, in order; feeding them back repeats the pick. */
  readonly draws: readonly number[];
  /** Best first. */
  readonly picked: readonly EndpointId[];
  /** Total of the pick less the greatest total of another candidate; null when there is no other. Below 0: chance chose. */
  readonly margin: number | null;
}

/** Copies a trace out of its scratch. Call before the next decision. */
export function explain(trace: Trace): Explanation {
  const { profile, candidates, ratings, totals } = trace;
  return {
    profile: profile.name,
    filters: explainFilters(trace),
    scorers: profile.scorers.map(({ name, type, weight }) => ({ name, type, weight })),
    candidates: candidates.map(({ id }, i) => ({
      id,
      scores: profile.scorers.map((_, s) => ({
        raw: finiteOrNull(ratings[s]?.raw[i]),
        score: ratings[s]?.score[i] as number,
      })),
      total: totals[i] as number,
    })),
    draws: [...trace.draws],
    picked: trace.picked.map((index) => candidates[index]?.id as EndpointId),
    margin: marginOf(candidates.length, totals, trace.picked),
  };
}

function explainFilters({ profile, offered, kept }: Trace): FilterExplanation[] {
  return kept.map((left, i) => {
    const { name, type } = profile.filters[i] as PluginIdentity;
    const staying = new Set(left);
    const before = kept[i - 1] ?? offered;
    return { name, type, removed: before.filter((endpoint) => !staying.has(endpoint)).map(({ id }) => id) };
  });
}

/** Total of the pick less the greatest total of another candidate; null when there is no other. */
export function marginOf(candidateCount: number, totals: ArrayLike<number>, picked: readonly number[]): number | null {
  const [first] = picked;
  if (first === undefined || candidateCount < 2) return null;
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < candidateCount; i++) {
    if (i !== first) best = Math.max(best, totals[i] as number);
  }
  return (totals[first] as number) - best;
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
