import type { DocumentPath } from "../lib/document.ts";
import type { PluginInput } from "../scheduling/plugin.ts";
import type { MetricsConfig } from "./metrics-plugins.ts";
import type { DeclaredPlugin } from "./plugin-table.ts";
import type { DeclaredProfile } from "./profiles.ts";
import type { Report } from "./report.ts";
import { cautionSignals } from "./signal-cautions.ts";
import { cautionThresholds } from "./threshold-cautions.ts";
import { cautionWeights } from "./weight-cautions.ts";

/** A kind of model server and what it can tell. */
export interface EngineFacts {
  readonly engine: string;
  readonly signals: readonly Exclude<PluginInput, "prompt">[];
}

/** What is known of the pool that a config is for. */
export interface PoolFacts {
  /** undefined: not known. */
  readonly endpointCount: number | undefined;
  /** The model servers of the pool, each once, as the metrics of a config tell them; empty when there is none. */
  readonly enginesOf: (metrics: MetricsConfig) => readonly EngineFacts[];
}

/** A config without a problem, before it is made. */
export interface DeclaredConfig {
  readonly profiles: readonly DeclaredProfile[];
  /** Every plugin, in the order of the file. */
  readonly plugins: readonly DeclaredPlugin[];
  readonly metrics: MetricsConfig;
  /** Types of the request parsers. */
  readonly parsers: readonly string[];
}

/** A warning and its place. */
export interface PlacedCaution {
  readonly path: DocumentPath;
  readonly message: string;
}

/** Looks for choices that are legal and most likely not meant. */
export type CautionRule = (config: DeclaredConfig, pool: PoolFacts) => readonly PlacedCaution[];

const rules: readonly CautionRule[] = [...cautionSignals, ...cautionWeights, ...cautionThresholds];

/** Warns of what a config says without an effect on this pool, or with a bad one. */
export function warnOfCautions(report: Report, config: DeclaredConfig, pool: PoolFacts): void {
  for (const rule of rules) {
    for (const { path, message } of rule(config, pool)) report.warn(path, message);
  }
}
