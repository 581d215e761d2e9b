import { none } from "../engine/request-table.ts";
import { outcomes } from "../engine/simulation-run.ts";
import type { CountedRows } from "./counted-rows.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** Figures of the requests for one model or adapter of one priority. */
export interface ClassSummary {
  /** The adapter's name, or the model's; with the priority behind it where it is not 0. */
  readonly name: string;
  readonly requests: number;
  readonly ttftMs: Spread;
  readonly e2eMs: Spread;
  /** Share of the requests that met every objective. */
  readonly attainment: number;
  readonly refused: number;
  readonly failed: number;
  /** Output tokens of completed requests over those of all. */
  readonly servedRatio: number;
}

interface Collected {
  readonly ttftMs: number[];
  readonly e2eMs: number[];
  requests: number;
  good: number;
  refused: number;
  failed: number;
  asked: number;
  served: number;
}

/** One for each class in order of its name; none when all requests are of one. `isGood`: by row from the first that counts. */
export function summarizeClasses(rows: CountedRows, isGood: Uint8Array): readonly ClassSummary[] {
  const { run, from } = rows;
  const table = run.requests;
  if (table.models.length + table.adapters.length <= 1 && table.priority.every((value) => value === table.priority[0]))
    return [];
  const classes = new Map<string, Collected>();
  for (let row = from; row < table.count; row++) {
    const name = className(rows, row);
    const entry = classes.get(name) ?? {
      ttftMs: [],
      e2eMs: [],
      requests: 0,
      good: 0,
      refused: 0,
      failed: 0,
      asked: 0,
      served: 0,
    };
    classes.set(name, entry);
    count(entry, rows, row);
    entry.good += isGood[row - from] as number;
  }
  if (classes.size <= 1) return [];
  return [...classes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, entry]) => ({
      name,
      requests: entry.requests,
      ttftMs: spreadOf(Float64Array.from(entry.ttftMs)),
      e2eMs: spreadOf(Float64Array.from(entry.e2eMs)),
      attainment: entry.good / entry.requests,
      refused: entry.refused,
      failed: entry.failed,
      servedRatio: entry.served / entry.asked,
    }));
}

function count(entry: Collected, { run }: CountedRows, row: number): void {
  const outcome = outcomes[run.outcome[row] as number];
  const tokens = run.requests.outputTokens[row] as number;
  entry.requests++;
  entry.asked += tokens;
  if (outcome === "refused" || outcome === "failed") {
    entry[outcome]++;
    return;
  }
  const start = run.arrivedMs[row] as number;
  if (Number.isNaN(start)) return;
  const first = run.firstTokenMs[row] as number;
  entry.ttftMs.push((Number.isNaN(first) ? run.endMs : first) - start);
  entry.e2eMs.push((outcome === "completed" ? (run.lastTokenMs[row] as number) : run.endMs) - start);
  if (outcome === "completed") entry.served += tokens;
}

function className({ run }: CountedRows, row: number): string {
  const { adapter, adapters, model, models, priority } = run.requests;
  const adapterIndex = adapter[row] as number;
  const name = adapterIndex === none ? models[model[row] as number] : adapters[adapterIndex];
  return priority[row] === 0 ? (name ?? "") : `${name ?? ""}, priority ${priority[row]}`;
}
