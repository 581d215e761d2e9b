import type { Information } from "../engine/options.ts";
import { simulate } from "../engine/simulate.ts";
import { configPolicy } from "../policies/config-policy.ts";
import type { Policy } from "../policies/policy.ts";
import { findPolicy, policyNames } from "../policies/registry.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import { presetConfig, type PresetName } from "../replica/presets.ts";
import { scenario } from "../scenarios/registry.ts";
import { replicaConfigs, type Scenario } from "../scenarios/scenario.ts";
import type { OpenedLoad } from "./open-load.ts";
import { replicaOverrides } from "./fitted-replica.ts";
import type { ExperimentPlan, Factors, Job, PolicySpec } from "./plan.ts";
import type { SimulatePolicy } from "./run-job.ts";

/** State of the pool is kept at this many moments of a load. */
const seriesSamples = 2000;

/** Reads the plan's policies and returns what runs one of them on the load. Throws when one cannot be used. */
export function createSimulatePolicy(plan: ExperimentPlan, load: OpenedLoad): SimulatePolicy {
  const policies = plan.policies.map(toPolicy);
  return (job, policy) => {
    const requests = load.requests(job.loadSeed ?? job.seed, job.cell.rateScale);
    const lastMs = requests.arrivalMs.at(-1) ?? 0;
    const { timeoutMs } = plan.circumstances;
    const replicas = poolOf(plan, job.cell.replicas).map((config) => vary(config, job.variation?.factors));
    return simulate({
      requests,
      pool: { replicas, mode: plan.mode, changes: sceneOf(plan)?.pool.changes ?? [] },
      policy: policies[policy] as Policy,
      seed: job.seed,
      information: informationOf(plan, job),
      seriesMs: Math.max(1, lastMs / seriesSamples),
      ...(timeoutMs > 0 && { timeoutMs }),
    });
  };
}

/** The policy of a spec. Throws TypeError for an unknown name, and with every problem of a config. */
export function toPolicy({ name, text, file = name, corrections = true }: PolicySpec): Policy {
  if (text !== undefined) return configPolicy({ name, summary: file, text, file, corrections });
  const policy = findPolicy(name);
  if (policy !== undefined) return policy;
  throw new TypeError(`Cannot use policy "${name}": unknown, expected one of ${policyNames.join(", ")}`);
}

function sceneOf({ load }: ExperimentPlan): Scenario | undefined {
  return load.kind === "scenario" ? scenario(load.source) : undefined;
}

function poolOf(plan: ExperimentPlan, replicas: number): ReplicaConfig[] {
  const { preset, fitted } = plan;
  const scene = sceneOf(plan);
  const own = replicaOverrides(preset, fitted);
  if (scene === undefined) return Array.from({ length: replicas }, () => presetConfig(preset, own));
  const { pool } = scene;
  return replicaConfigs({ ...pool, preset: preset as PresetName, overrides: { ...own, ...pool.overrides } }, replicas);
}

function informationOf(plan: ExperimentPlan, { cell, variation }: Job): Partial<Information> {
  const { circumstances } = plan;
  return {
    endpoints: sceneOf(plan)?.information.endpoints ?? [],
    scrapeMs: cell.scrapeMs * (variation?.factors.T ?? 1),
    delayMs: circumstances.scrapeDelayMs,
    jitterMs: circumstances.scrapeJitterMs,
    lossRatio: circumstances.scrapeLossRatio,
    pickers: circumstances.pickers,
    oracleLengths: circumstances.oracleLengths,
  };
}

function vary(config: ReplicaConfig, factors: Factors | undefined): ReplicaConfig {
  if (factors === undefined) return config;
  const { coefficients } = config;
  const kvTokens = Math.round(config.kvTokens * factors.KV);
  const blocks = Math.floor(kvTokens / config.blockSizeTokens);
  return {
    ...config,
    kvTokens,
    maxModelTokens: Math.min(config.maxModelTokens, blocks * config.blockSizeTokens),
    coefficients: {
      ...coefficients,
      baseMs: coefficients.baseMs * factors.c0,
      perContextTokenUs: coefficients.perContextTokenUs * factors.cK,
      perPrefillTokenUs: coefficients.perPrefillTokenUs * factors.cP,
    },
  };
}
