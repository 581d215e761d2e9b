import type { ModelServerMetrics } from "../scrape/model-servers.ts";
import { wantedMetrics } from "./wanted-metrics.ts";

/** How many of a model server's load metrics a page has. */
export interface EngineLikeness {
  readonly engine: string;
  readonly found: number;
  readonly wanted: number;
}

/** Counts the names of waiting, running and KV use of each model server on a page. Labels are not looked at. */
export function likeness(metrics: ModelServerMetrics, names: ReadonlyMap<string, number>): EngineLikeness {
  const load = wantedMetrics(metrics).filter(({ reading }) => ["count", "total", "ratio"].includes(reading));
  const found = load.filter(({ spec }) => names.has(spec.name)).length;
  return { engine: metrics.engine, found, wanted: load.length };
}

/** The model server whose metrics a page has more of than those of `present`; undefined when there is none. */
export function betterEngine(
  present: ModelServerMetrics,
  all: Iterable<ModelServerMetrics>,
  names: ReadonlyMap<string, number>,
): EngineLikeness | undefined {
  let best: EngineLikeness | undefined;
  let most = likeness(present, names).found;
  for (const metrics of all) {
    const other = likeness(metrics, names);
    if (other.found <= most) continue;
    most = other.found;
    best = other;
  }
  return best;
}
