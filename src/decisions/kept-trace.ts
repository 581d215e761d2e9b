import type { Endpoint } from "../datastore/endpoint.ts";
import type { Profile } from "../scheduling/plan.ts";
import type { Trace } from "../scheduling/schedule.ts";
import type { DecisionRecord } from "./decision-record.ts";
import type { KeptCourse, KeptDecision, Left } from "./kept-decision.ts";
import { readSnapshot } from "./kept-snapshot.ts";

/** Ratings of a profile's candidates, as views of what is kept, with the pick. */
export type KeptRatings = Pick<Trace, "profile" | "ratings" | "totals" | "draws" | "picked"> & {
  readonly candidateCount: number;
};

/** How candidates were rated; undefined when no profile ran. */
export function ratingsOf(course: KeptCourse | undefined): KeptRatings | undefined {
  if (course?.profile === undefined) return undefined;
  const { profile, candidateCount, numbers, drawCount, picked } = course;
  let at = numbers.offset;
  const take = (length: number): Float64Array => numbers.block.subarray(at, (at += length));
  const ratings = profile.scorers.map(() => ({ raw: take(candidateCount), score: take(candidateCount) }));
  return { profile, candidateCount, ratings, totals: take(candidateCount), draws: [...take(drawCount)], picked };
}

/** A kept decision with its endpoints as they were; each list is what its step left. */
export interface RevivedDecision {
  readonly pool: readonly Endpoint[];
  readonly allowed: readonly Endpoint[];
  readonly offered: readonly Endpoint[];
  readonly screened: readonly (readonly Endpoint[])[];
  /** The trace as it was when the decision was fresh; undefined when no profile ran. */
  readonly trace: Trace | undefined;
}

/** Makes endpoints out of what is kept of them. */
export function reviveDecision({
  snapshot,
  allowed: isAllowed,
  offered: isOffered,
  course,
}: KeptDecision): RevivedDecision {
  const pool = readSnapshot(snapshot);
  let before: readonly Endpoint[] = pool;
  const left = (indices: Left): readonly Endpoint[] => {
    if (indices !== undefined) before = indices.flatMap((i) => pool[i] ?? []);
    return before;
  };
  const allowed = left(isAllowed);
  const offered = left(isOffered);
  const screened = (course?.screened ?? []).map(left);
  const rated = ratingsOf(course);
  if (course === undefined || rated === undefined) return { pool, allowed, offered, screened, trace: undefined };
  const { profile, ratings, totals, draws, picked } = rated;
  const toFilters = before;
  const kept = course.kept.map(left);
  const filtered = before;
  const candidates = left(course.rated);
  const trace = { profile, offered: toFilters, kept, filtered, candidates, ratings, totals, draws, picked };
  return { pool, allowed, offered, screened, trace };
}

/** Id of the first picked endpoint; undefined when none was. */
export function pickedId({ snapshot, allowed, offered, course }: KeptDecision): string | undefined {
  const [first] = course?.picked ?? [];
  if (course === undefined || first === undefined) return undefined;
  const lefts = [allowed, offered, ...course.screened, ...course.kept, course.rated];
  const candidates = lefts.findLast((indices) => indices !== undefined);
  return snapshot.members.specs[candidates?.[first] ?? first]?.id;
}

/** How the pick came about: without a choice, by its total, by lot among equal totals, or by lot altogether. */
export function choiceOf(rated: {
  readonly profile: Profile;
  readonly candidateCount: number;
  readonly totals: Float64Array;
  readonly draws: readonly number[];
  readonly picked: readonly number[];
}): DecisionRecord["choice"] {
  const { profile, candidateCount, totals, draws, picked } = rated;
  const [first] = picked;
  if (first === undefined) return "none";
  if (candidateCount === 1) return "only-candidate";
  if (draws.length === 0) return "greatest-total";
  if (profile.picker.type !== "max-score-picker") return "chance";
  const rivals = totals.subarray(0, candidateCount).filter((total) => total === totals[first]);
  return rivals.length > 1 ? "tie" : "greatest-total";
}
