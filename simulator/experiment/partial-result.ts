import type { ExperimentPlan, Job, Variation } from "./plan.ts";
import type { JobResult } from "./run-job.ts";

/** One part of a plan's jobs: those whose place modulo `of` is `index`. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly of: number;
}

/** What one shard found: enough to put the whole together without the load. */
export interface PartialResult {
  readonly kind: "epp-simulate-part";
  readonly schemaVersion: 1;
  readonly shard: Shard;
  readonly plan: ExperimentPlan;
  readonly variations: readonly Variation[];
  /** By place among the plan's jobs. */
  readonly results: readonly { readonly job: number; readonly result: JobResult }[];
}

const kind = "epp-simulate-part";

/** The places of a shard's jobs among `jobs`. */
export function jobsOfShard(jobs: readonly Job[], { index, of }: Shard): number[] {
  return jobs.flatMap((_, i) => (i % of === index ? [i] : []));
}

/** A part as text. Numbers that are none are null, so that it is JSON. */
export function formatPart(part: PartialResult): string {
  return `${JSON.stringify(part)}\n`;
}

/** Reads a part back, exactly. Throws an error that names the file. */
export function parsePart(text: string, file: string): PartialResult {
  const fail = (found: string): never => {
    throw new Error(`Cannot merge "${file}": ${found}, expected what --shard wrote`);
  };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return fail("it is no whole JSON document");
  }
  if (typeof raw !== "object" || raw === null || !("kind" in raw) || raw.kind !== kind) return fail("a foreign file");
  const part = raw as PartialResult;
  if (part.schemaVersion !== 1) return fail(`version ${String(part.schemaVersion)}`);
  if (!Array.isArray(part.results) || typeof part.shard?.of !== "number" || !Array.isArray(part.plan?.cells)) {
    return fail("a damaged file");
  }
  return { ...part, results: part.results.map(({ job, result }) => ({ job, result: reviveNumbers(result) })) };
}

/** A part and the file that it is of. */
export interface PartFile {
  readonly file: string;
  readonly part: PartialResult;
}

/**
 * The results of `count` jobs from all parts of one plan, in the order of the jobs. Throws an error that names the file when parts are
 * of different plans, when one is there twice, and when some are missing.
 */
export function mergeParts(parts: readonly PartFile[], count: number): JobResult[] {
  checkShards(parts);
  const results: JobResult[] = [];
  for (const { part } of parts) for (const { job, result } of part.results) results[job] = result;
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => results[i] === undefined);
  if (missing.length > 0) throw new Error(`Cannot merge: ${missing.length} of ${count} jobs are in no part`);
  return results;
}

function checkShards(parts: readonly PartFile[]): void {
  const [first] = parts;
  if (first === undefined) throw new Error("Cannot merge: no part, expected at least one");
  const { of } = first.part.shard;
  const seen = new Map<number, string>();
  for (const { file, part } of parts) {
    if (planText(part) !== planText(first.part) || part.shard.of !== of) {
      throw new Error(`Cannot merge "${file}": another plan than that of "${first.file}", expected the same`);
    }
    const before = seen.get(part.shard.index);
    if (before !== undefined) {
      throw new Error(`Cannot merge "${file}": part ${part.shard.index} once more, it is in "${before}" already`);
    }
    seen.set(part.shard.index, file);
  }
  const missing = Array.from({ length: of }, (_, i) => i).filter((i) => !seen.has(i));
  if (missing.length > 0) throw new Error(`Cannot merge: part ${missing.join(", ")} of ${of} is missing`);
}

function planText({ plan, variations }: PartialResult): string {
  return JSON.stringify({ plan, variations });
}

/** Null is NaN again: results hold no other null. */
function reviveNumbers<T>(value: T): T {
  if (value === null) return Number.NaN as T;
  if (Array.isArray(value)) return value.map(reviveNumbers) as T;
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reviveNumbers(inner)])) as T;
}
