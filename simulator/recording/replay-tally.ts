import type { Endpoint, EndpointSpec } from "../../src/datastore/endpoint.ts";
import type { RecordedPick, RecordingHeader } from "../../src/recording/line.ts";
import type { ReadReport } from "./read-recording.ts";
import type { ReplayedDecision } from "./replayed-policy.ts";

/** Name of the recorded config, which keeps the world going. */
export const recordedName = "recorded";

/** What was decided: an endpoint's id, or `refused: REASON`. */
type Verdict = string;

/** How one config decided, beside the recording. */
export interface ReplayedConfigReport {
  readonly name: string;
  readonly decisions: number;
  /** Of them the same as recorded. */
  readonly identical: number;
  readonly refused: number;
  /** Where requests went as recorded, and where they would have gone, the most frequent first. */
  readonly changes: readonly { readonly from: Verdict; readonly to: Verdict; readonly requests: number }[];
  /** Share of the decisions of each endpoint, by id. */
  readonly shares: Readonly<Record<string, number>>;
  /** Share of decisions for the candidate with the most waiting and running requests, where candidates differed. */
  readonly mostLoadedShare: number | null;
  /** Quantiles of the margin to the next best candidate; null without any. */
  readonly margin: { readonly p10: number; readonly p50: number; readonly p90: number } | null;
  /** Decisions for another endpoint than the decision before. */
  readonly switches: number;
}

/** What a replay found. No latency is claimed: the recorded world did not react to other picks. */
export interface ReplayReport {
  readonly recording: string;
  readonly pool: string;
  readonly startedAt: string;
  readonly decisions: number;
  /** Decisions before the config was known. */
  readonly undecided: number;
  readonly lines: number;
  readonly skippedLines: number;
  readonly droppedLines: number;
  readonly isComplete: boolean;
  /** The recorded config, decided again: all must be identical when no line is missing. */
  readonly recorded: ReplayedConfigReport;
  readonly configs: readonly ReplayedConfigReport[];
  /** `disagreement[i][j]`: share of decisions in which two differ; the recorded config first, then `configs`. */
  readonly disagreement: readonly (readonly number[])[];
  /** What makes the replay inexact, in words; empty: nothing. */
  readonly cautions: readonly string[];
}

class PolicyTally {
  readonly name: string;
  decisions = 0;
  identical = 0;
  refused = 0;
  switches = 0;
  mostLoaded = 0;
  unevenly = 0;
  readonly changes = new Map<string, { from: Verdict; to: Verdict; requests: number }>();
  readonly picks = new Map<string, number>();
  readonly margins: number[] = [];
  #last: Verdict | undefined;

  constructor(name: string) {
    this.name = name;
  }

  add(recorded: Verdict, { decision, margin }: ReplayedDecision, mostLoaded: ReadonlySet<string> | undefined): Verdict {
    const verdict =
      decision.kind === "forward" ? this.#count(decision.picked.endpoints[0].id, mostLoaded) : refusal(decision.reason);
    if (decision.kind === "reject") this.refused++;
    this.decisions++;
    if (verdict === recorded) this.identical++;
    else this.#change(recorded, verdict);
    if (margin !== undefined && Number.isFinite(margin)) this.margins.push(margin);
    if (this.#last !== undefined && this.#last !== verdict) this.switches++;
    this.#last = verdict;
    return verdict;
  }

  #count(id: string, mostLoaded: ReadonlySet<string> | undefined): Verdict {
    this.picks.set(id, (this.picks.get(id) ?? 0) + 1);
    if (mostLoaded === undefined) return id;
    this.unevenly++;
    if (mostLoaded.has(id)) this.mostLoaded++;
    return id;
  }

  report(): ReplayedConfigReport {
    const { name, decisions, identical, refused, switches } = this;
    const picked = decisions - refused;
    const byId = [...this.picks].toSorted(([a], [b]) => a.localeCompare(b));
    return {
      name,
      decisions,
      identical,
      refused,
      changes: [...this.changes.values()].toSorted((a, b) => b.requests - a.requests),
      shares: Object.fromEntries(byId.map(([id, picks]) => [id, picks / Math.max(1, picked)])),
      mostLoadedShare: this.unevenly === 0 ? null : this.mostLoaded / this.unevenly,
      margin: quantiles(this.margins),
      switches,
    };
  }

  #change(from: Verdict, to: Verdict): void {
    const key = `${from}\n${to}`;
    const change = this.changes.get(key) ?? { from, to, requests: 0 };
    change.requests++;
    this.changes.set(key, change);
  }
}

/** Counts what replayed policies decide, beside the recording and one another. */
export class ReplayTally {
  readonly #policies: readonly PolicyTally[];
  /** `differing[i][j]`: decisions in which policies i < j differ. */
  readonly #differing: number[][];
  #skipped = 0;

  /** `names`: of the configs beside the recorded one, which comes first in what is added. */
  constructor(names: readonly string[]) {
    this.#policies = [recordedName, ...names].map((name) => new PolicyTally(name));
    this.#differing = this.#policies.map(() => this.#policies.map(() => 0));
  }

  /** A decision that could not be repeated. */
  skip(): void {
    this.#skipped++;
  }

  /** `decisions`: of the recorded config, then of the others in order. */
  add(
    line: RecordedPick,
    decisions: readonly ReplayedDecision[],
    { candidates, picked }: { readonly candidates: readonly Endpoint[]; readonly picked: EndpointSpec | undefined },
  ): void {
    const recorded = picked?.id ?? refusal(line.reason ?? "");
    const mostLoaded = findMostLoaded(candidates);
    const verdicts = decisions.map((decision, i) => this.#policies[i]?.add(recorded, decision, mostLoaded));
    for (const [i, one] of verdicts.entries()) {
      const row = this.#differing[i] as number[];
      for (const [j, other] of verdicts.entries()) if (one !== other) row[j] = (row[j] ?? 0) + 1;
    }
  }

  report(about: {
    readonly header: RecordingHeader;
    readonly read: ReadReport;
    readonly unknownHeaders: readonly string[];
  }): ReplayReport {
    const { header, read } = about;
    const [recorded, ...configs] = this.#policies.map((policy) => policy.report());
    const decisions = recorded?.decisions ?? 0;
    return {
      recording: header.recording,
      pool: header.pool,
      startedAt: header.startedAt,
      decisions,
      undecided: this.#skipped,
      lines: read.lines,
      skippedLines: read.skipped,
      droppedLines: read.dropped,
      isComplete: read.isComplete,
      recorded: recorded as ReplayedConfigReport,
      configs,
      disagreement: this.#differing.map((row) => row.map((count) => count / Math.max(1, decisions))),
      cautions: cautionsOf(about),
    };
  }
}

function cautionsOf({
  read,
  unknownHeaders,
}: {
  readonly read: ReadReport;
  readonly unknownHeaders: readonly string[];
}): string[] {
  return [
    ...(read.beginsLate ? ["the first files of the recording are missing: what was known before is not"] : []),
    ...(read.dropped > 0 ? [`the recorder dropped ${read.dropped} lines: later decisions may differ`] : []),
    ...(read.skipped > 0 ? [`${read.skipped} lines cannot be used: later decisions may differ`] : []),
    ...(unknownHeaders.length > 0
      ? [`configs read request headers, which recordings do not hold: ${unknownHeaders.join(", ")}`]
      : []),
  ];
}

function refusal(reason: string): Verdict {
  return `refused: ${reason}`;
}

/** Ids with the greatest waiting + running; undefined when all have the same or too little is known. */
function findMostLoaded(candidates: readonly Endpoint[]): ReadonlySet<string> | undefined {
  const loads = candidates.map(
    ({ signals: { waitingRequests, runningRequests } }) => (waitingRequests.value ?? 0) + (runningRequests.value ?? 0),
  );
  const most = Math.max(...loads);
  if (!(Math.min(...loads) < most)) return undefined;
  return new Set(candidates.filter((_, i) => loads[i] === most).map(({ id }) => id));
}

function quantiles(values: readonly number[]): ReplayedConfigReport["margin"] {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (ratio: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(ratio * sorted.length))] as number;
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9) };
}
