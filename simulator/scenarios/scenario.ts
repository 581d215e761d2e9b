import type { PoolChange } from "../engine/options.ts";
import type { LoadSpec } from "../generators/load-spec.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { presetConfig, type PresetName } from "../replica/presets.ts";

/** How metrics reach a picker; what is left out is as the engine has it. */
export interface ScenarioScrape {
  /** From one sample to the next, ms. */
  readonly scrapeMs?: number;
  /** From the moment that a sample is of to its arrival, ms. */
  readonly delayMs?: number;
  /** Share of samples that never arrive, 0..1. */
  readonly lossRatio?: number;
}

/** What pickers know. */
export interface ScenarioInformation extends ScenarioScrape {
  /** Pickers side by side, each of which knows its own requests only. */
  readonly pickers?: number;
  /** What differs on single endpoints; `endpoints[i]` is of replica i. */
  readonly endpoints?: readonly (ScenarioScrape | undefined)[];
}

/** Model servers. */
export interface ScenarioPool {
  readonly replicas: number;
  readonly preset: PresetName;
  /** Put over the preset, for all replicas. */
  readonly overrides?: Partial<ReplicaConfig>;
  /** Replicas whose steps take `factor` times as long. */
  readonly slow?: readonly { readonly replica: number; readonly factor: number }[];
  /** What happens to single replicas during the run, in order of time; default: nothing. */
  readonly changes?: readonly PoolChange[];
}

/** A situation that policies are compared in. */
export interface Scenario {
  readonly name: string;
  /** What it is, in one line. */
  readonly description: string;
  readonly load: LoadSpec;
  readonly pool: ScenarioPool;
  readonly information: ScenarioInformation;
  /** Policies worth comparing. */
  readonly policies: readonly string[];
  /** What should come out, in one line; published figures where there are any. */
  readonly expected: string;
}

/** The replicas of a pool, `replicas` of them (default: those of the pool) with what differs on single ones. */
export function replicaConfigs(pool: ScenarioPool, replicas = pool.replicas): ReplicaConfig[] {
  const usual = presetConfig(pool.preset, pool.overrides);
  return Array.from({ length: replicas }, (_, replica) => {
    const factor = pool.slow?.find((one) => one.replica === replica)?.factor;
    return factor === undefined ? usual : slowDown(usual, factor);
  });
}

function slowDown(config: ReplicaConfig, factor: number): ReplicaConfig {
  const { baseMs, perRequestUs, perContextTokenUs, perPrefillTokenUs, attentionNs } = config.coefficients;
  return {
    ...config,
    coefficients: {
      baseMs: baseMs * factor,
      perRequestUs: perRequestUs * factor,
      perContextTokenUs: perContextTokenUs * factor,
      perPrefillTokenUs: perPrefillTokenUs * factor,
      attentionNs: attentionNs * factor,
    },
  };
}
