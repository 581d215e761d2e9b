import { printableText } from "../lib/printable-text.ts";
import type { CandidateRecord, DecisionRecord } from "./decision-record.ts";
import { formatAge, formatNumber } from "./story-text.ts";

/** Candidates that are told scorer by scorer, and those that are told by their total alone; the rest is counted. */
const detailed = 4;
const listed = 16;

/** Widths of the columns behind the first, which takes what is left of 100. */
const widths = [9, 9, 12, 7, 8, 9, 9] as const;
const firstWidth = 100 - widths.reduce((sum: number, width) => sum + width, 0);

/** Candidates, the picked ones first, the others by their totals: what each scorer saw, and what it made of it. */
export function candidateTable(record: DecisionRecord): string[] {
  const { candidates, picked } = record;
  if (candidates.length === 0) return [];
  const place = new Map(picked.map((id, i) => [id, i]));
  const placeOf = ({ id }: CandidateRecord): number => place.get(id) ?? picked.length;
  const ordered = candidates.toSorted((a, b) => placeOf(a) - placeOf(b) || (b.total ?? 0) - (a.total ?? 0));
  const rows = ordered.slice(0, detailed + listed).flatMap((candidate, i) => {
    const mark = place.has(candidate.id) ? "*" : " ";
    const head = endpointLine(candidate, mark);
    return i < detailed ? [head, ...scorerLines(record, candidate)] : [head];
  });
  const rest = ordered.length - detailed - listed;
  return [
    cells("* picked", ["looked at", "age", "correction", "trust", "score", "x weight", "= points"]),
    ...rows,
    ...(rest > 0 ? [`  and ${rest} more with no greater total`] : []),
    ...(hasUnknown(record)
      ? ["", "Where a value is unknown the score is the mean of the others, or 0.5 without any."]
      : []),
  ];
}

function endpointLine({ id, address, inFlightRequests, lastResort, total }: CandidateRecord, mark: string): string {
  const about = ` (${printableText(address, 24)}), ${inFlightRequests} in flight${lastResort ? ", last resort" : ""}`;
  const points = total === null ? "unknown" : total.toFixed(3);
  const room = 100 - points.length - about.length - 3;
  return `${mark} ${printableText(id, room)}${about}`.padEnd(100 - points.length) + points;
}

function scorerLines({ scorers }: DecisionRecord, candidate: CandidateRecord): string[] {
  return scorers.map(({ name, weight, signal }, s) => {
    const { raw = null, score = Number.NaN } = candidate.scores[s] ?? {};
    const [age, correction, trust] = signalCells(candidate, signal);
    const seen = raw === null ? unseen(signal) : formatNumber(raw);
    const rated = [score.toFixed(3), `x ${formatNumber(weight)}`, (score * weight).toFixed(3)];
    return cells(`    ${printableText(name, firstWidth - 5)}`, [seen, age, correction, trust, ...rated]);
  });
}

/** A scorer that rates no signal has its score from elsewhere. */
function unseen(signal: string | null): string {
  return signal === null ? "-" : "unknown";
}

/** Age, correction and trust of the signal that a scorer looked at; empty where it looked at none. */
function signalCells({ signals }: CandidateRecord, name: string | null): readonly [string, string, string] {
  if (name === "adapters") return [formatAge(signals.adapters?.ageMs ?? null), "", ""];
  if (name !== "waitingRequests" && name !== "runningRequests" && name !== "kvCacheRatio") return ["", "", ""];
  const { ageMs, correction, confidence } = signals[name];
  const moved =
    correction === null || correction === 0 ? "-" : `${correction > 0 ? "+" : ""}${formatNumber(correction)}`;
  return [formatAge(ageMs), moved, `${Math.round(confidence * 100)} %`];
}

function cells(first: string, rest: readonly string[]): string {
  return (first.padEnd(firstWidth) + rest.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("")).trimEnd();
}

function hasUnknown({ candidates, scorers }: DecisionRecord): boolean {
  return candidates.some(({ scores }) => scores.some(({ raw }, s) => raw === null && scorers[s]?.signal !== null));
}
