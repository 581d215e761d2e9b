import type { ClusterFacts } from "./examine-cluster.ts";
import { createEngines } from "../scrape/engines.ts";
import { readPool, type ReadPoolOptions } from "./read-pool.ts";
import { diagnose, type DoctorReport } from "./report.ts";

/** Time between two reads of an endpoint. */
const intervalMs = 500;

/** What to examine and for how long. */
export interface ExamineOptions extends Omit<ReadPoolOptions, "reads" | "intervalMs" | "maxMs"> {
  /** How long the pool is watched; an endpoint is read every half second, at least twice. */
  readonly seconds: number;
  /** Where the endpoints come from; default: from a file. */
  readonly cluster?: ClusterFacts | undefined;
}

/**
 * Reads the pages of a pool for some seconds and says what is wrong with them. Throws when a file that the config names
 * cannot be used.
 */
export async function examinePool({ seconds, cluster, ...options }: ExamineOptions): Promise<DoctorReport> {
  const reads = Math.max(2, Math.floor((seconds * 1000) / intervalMs) + 1);
  const observations = await readPool({ ...options, reads, intervalMs, maxMs: reads * intervalMs });
  const engines = [...createEngines(options.metrics).byName.values()];
  const { source, engineLabelKey } = options.metrics;
  return diagnose({ observations, engines, engineLabelKey, path: source.path, cluster });
}
