import { availableParallelism } from "node:os";
import { basename, extname } from "node:path";
import type { Command } from "commander";
import { type FittedReplica, readCoefficients } from "../../simulator/experiment/fitted-replica.ts";
import { countServers, type OpenedRecord, openRecord } from "../../simulator/experiment/open-record.ts";
import type { Cell, Circumstances, ExperimentPlan, LoadSpec, PolicySpec } from "../../simulator/experiment/plan.ts";
import type { Sweep } from "../../simulator/experiment/sweep-file.ts";
import { policyNames } from "../../simulator/policies/registry.ts";
import { presetNames } from "../../simulator/replica/presets.ts";
import type { Scenario } from "../../simulator/scenarios/scenario.ts";
import { didYouMean } from "../lib/suggest.ts";
import { UsageError } from "./exit.ts";
import { readText } from "./read-text.ts";
import type { SimulateFlags } from "./simulate-flags.ts";

const defaultPolicies = ["round-robin", "go-default", "default"];
const defaultReplicas = 8;
const defaultSeeds = 10;
const defaultDraws = 10;
/** Metrics agree with many loads: fewer than this say nothing of them (simulator 3.4). */
const leastReconstructions = 20;
/** Two tell what chance does on one and the same load from what another load does. */
const seedsOfReconstruction = 2;

/** What is to be simulated, and the record that it is of. */
export interface OpenedPlan {
  readonly plan: ExperimentPlan;
  /** Absent: the load is no record. */
  readonly record: OpenedRecord | undefined;
}

/**
 * What is to be simulated, from the flags, a sweep's file and the record where there is one. Rejects with UsageError for flags that do
 * not fit each other, then with an error that names a record which cannot be read.
 */
export async function openPlan(flags: SimulateFlags, command: Command): Promise<OpenedPlan> {
  const sweep = await openSweep(flags, command);
  const load = chooseLoad(flags, sweep);
  const usual = await usualTerms(load);
  const policies = choosePolicies(flags, sweep, usual.policies);
  const fitted = openCoefficients(flags);
  const preset = choosePreset(sweep?.preset ?? flags.preset ?? fitted?.preset ?? usual.preset);
  const runs = countRuns(load, flags, { sweep, policies: policies.length });
  const record = await openRecord(load);
  const recordedReplicas = record === undefined ? undefined : countServers(record);
  const cells = cellsOf(sweep, flags, { ...usual, replicas: recordedReplicas ?? usual.replicas });
  await checkReplicas(load, cells);
  const plan: ExperimentPlan = {
    load,
    policies,
    preset,
    ...(fitted !== undefined && { fitted }),
    cells,
    firstSeed: flags.seed,
    ...runs,
    slo: { ttftMs: flags.sloTtftMs, tpotMs: flags.sloTpotMs },
    mode: flags.exact === true ? "exact" : "macro",
    isCold: flags.cold === true,
    circumstances: circumstancesOf(flags, usual),
    ...(recordedReplicas !== undefined && recordedReplicas > 0 && { recordedReplicas }),
  };
  return { plan, record };
}

/** How often everything is run. */
function countRuns(
  load: LoadSpec,
  flags: SimulateFlags,
  { sweep, policies }: { readonly sweep: Sweep | undefined; readonly policies: number },
): Pick<ExperimentPlan, "seeds" | "reconstructions" | "draws"> {
  const reconstructions = countReconstructions(load, flags);
  const seeds = sweep?.seeds ?? flags.seeds ?? usualSeeds(load, policies);
  const usual = sweep === undefined ? usualDraws(policies, seeds * (reconstructions ?? 1)) : 0;
  return {
    seeds,
    ...(reconstructions !== undefined && { reconstructions }),
    draws: flags.sensitivity ?? usual,
  };
}

function countReconstructions(load: LoadSpec, { reconstructions }: SimulateFlags): number | undefined {
  if (load.kind !== "metrics") {
    if (reconstructions === undefined) return undefined;
    throw new UsageError("cannot use --reconstructions: only --metrics is reconstructed");
  }
  const count = reconstructions ?? leastReconstructions;
  if (count >= leastReconstructions) return count;
  throw new UsageError(
    `cannot simulate metrics with ${count} reconstructions: expected at least ${leastReconstructions}`,
  );
}

function usualSeeds(load: LoadSpec, policies: number): number {
  if (load.kind === "metrics") return seedsOfReconstruction;
  return policies > 1 ? defaultSeeds : 1;
}

/** Coefficients are varied where there is an order of policies to doubt. */
function usualDraws(policies: number, runs: number): number {
  return policies > 1 && runs > 1 ? defaultDraws : 0;
}

function openCoefficients({ coefficients }: SimulateFlags): FittedReplica | undefined {
  return coefficients === undefined
    ? undefined
    : readCoefficients(readText(coefficients, "coefficients"), coefficients);
}

function choosePreset(name: string): string {
  if ((presetNames as readonly string[]).includes(name)) return name;
  throw unknown("preset", name, presetNames);
}

function circumstancesOf(flags: SimulateFlags, usual: UsualTerms): Circumstances {
  return {
    scrapeDelayMs: flags.scrapeDelayMs ?? usual.scrapeDelayMs,
    scrapeJitterMs: flags.scrapeJitterMs,
    scrapeLossRatio: flags.scrapeLoss ?? usual.scrapeLossRatio,
    pickers: flags.pickers ?? usual.pickers,
    oracleLengths: flags.oracleLengths === true,
    timeoutMs: flags.timeoutMs,
  };
}

/** What holds where neither a flag nor a sweep says otherwise. */
interface UsualTerms {
  readonly policies: readonly string[];
  readonly preset: string;
  readonly replicas: number;
  readonly scrapeMs: number;
  readonly scrapeDelayMs: number;
  readonly scrapeLossRatio: number;
  readonly pickers: number;
}

async function usualTerms(load: LoadSpec): Promise<UsualTerms> {
  const usual = { scrapeMs: 50, scrapeDelayMs: 0, scrapeLossRatio: 0, pickers: 1 };
  if (load.kind !== "scenario") {
    return { ...usual, policies: defaultPolicies, preset: "llama-3-8b-h100", replicas: defaultReplicas };
  }
  const { policies, pool, information } = await findScenario(load.source);
  const { scrapeMs = 50, delayMs = 0, lossRatio = 0, pickers = 1 } = information;
  return { policies, ...pool, scrapeMs, scrapeDelayMs: delayMs, scrapeLossRatio: lossRatio, pickers };
}

async function findScenario(name: string): Promise<Scenario> {
  const { scenario, scenarioNames } = await import("../../simulator/scenarios/registry.ts");
  if (!scenarioNames.includes(name)) throw unknown("scenario", name, scenarioNames);
  return scenario(name);
}

/** There must be replicas, those among them that a scenario changes during the run. */
async function checkReplicas({ kind, source }: LoadSpec, cells: readonly Cell[]): Promise<void> {
  if (cells.some(({ replicas }) => replicas === 0)) {
    throw new UsageError(`cannot take the number of servers from "${source}": it names none, expected --replicas`);
  }
  if (kind !== "scenario") return;
  const { changes = [] } = (await findScenario(source)).pool;
  const least = Math.max(0, ...changes.map(({ replica }) => replica + 1));
  const short = cells.find(({ replicas }) => replicas < least);
  if (short === undefined) return;
  throw new UsageError(
    `cannot simulate scenario "${source}" with ${short.replicas} replicas: it changes replica ${least - 1}, expected at least ${least}`,
  );
}

/** Threads for that many jobs. */
export function threadsFor(flags: SimulateFlags, jobs: number): number {
  return Math.min(jobs, flags.threads ?? availableParallelism());
}

async function openSweep(flags: SimulateFlags, command: Command): Promise<Sweep | undefined> {
  if (flags.sweep === undefined) return undefined;
  const { readSweep } = await import("../../simulator/experiment/sweep-file.ts");
  const sweep = readSweep(readText(flags.sweep), flags.sweep, readText);
  const owners = {
    rateScales: "rateScale",
    replicas: "replicas",
    scrapeMs: "scrapeMs",
    preset: "preset",
    seeds: "seeds",
  };
  for (const [field, flag] of Object.entries(owners)) {
    const isGiven = command.getOptionValueSource(flag) === "cli";
    if (isGiven && sweep[field as keyof Sweep] !== undefined) {
      throw new UsageError(`cannot take ${field} both from "${flags.sweep}" and from its flag`);
    }
  }
  if (flags.policy !== undefined && sweep.policies !== undefined) {
    throw new UsageError(`cannot take policies both from "${flags.sweep}" and from --policy`);
  }
  return sweep;
}

function chooseLoad(flags: SimulateFlags, sweep: Sweep | undefined): LoadSpec {
  const { scaleBy } = flags;
  const terms = {
    scaleBy,
    rawTimes: flags.rawTimes === true,
    openLoop: flags.openLoop === true,
    ...(flags.limit !== undefined && { limit: flags.limit }),
  };
  const given: { kind: LoadSpec["kind"]; source: string | undefined }[] = [
    { kind: "trace", source: flags.trace },
    { kind: "recording", source: flags.recording },
    { kind: "metrics", source: flags.metrics },
    { kind: "scenario", source: flags.scenario },
    { kind: "trace", source: sweep?.trace },
    { kind: "scenario", source: sweep?.scenario },
  ];
  const chosen = given.flatMap(({ kind, source }) => (source === undefined ? [] : [{ kind, source, ...terms }]));
  const [only] = chosen;
  if (chosen.length !== 1 || only === undefined) {
    const found = chosen.length === 0 ? "none" : chosen.map(({ kind }) => `--${kind}`).join(" and ");
    throw new UsageError(
      `simulate needs one of --trace FILE, --recording DIR, --metrics PATH and --scenario NAME: found ${found}`,
    );
  }
  return only;
}

function choosePolicies(flags: SimulateFlags, sweep: Sweep | undefined, usual: readonly string[]): PolicySpec[] {
  const weighted = sweep?.weighted ?? [];
  const named = flags.policy ?? sweep?.policies ?? (weighted.length > 0 ? [] : usual);
  const policies = [...named.map(toSpec), ...weighted];
  const twice = policies.find(({ name }, i) => policies.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new UsageError(`cannot compare policy "${twice.name}" with itself: given twice`);
  return policies;
}

/** A policy by its name, or a config by its file. Throws UsageError for an unknown name. */
export function toSpec(given: string): PolicySpec {
  if (policyNames.includes(given)) return { name: given };
  if (!/[./]/.test(given)) throw unknown("policy", given, policyNames, ", or an EndpointPickerConfig file");
  return { name: basename(given, extname(given)), text: readText(given), file: given };
}

function cellsOf(sweep: Sweep | undefined, flags: SimulateFlags, usual: UsualTerms): Cell[] {
  const { rateScales = [flags.rateScale] } = sweep ?? {};
  const { replicas = [flags.replicas ?? usual.replicas], scrapeMs = [flags.scrapeMs ?? usual.scrapeMs] } = sweep ?? {};
  return replicas.flatMap((servers) =>
    scrapeMs.flatMap((ms) => rateScales.map((rateScale) => ({ rateScale, replicas: servers, scrapeMs: ms }))),
  );
}

function unknown(what: string, given: string, known: readonly string[], more = ""): UsageError {
  const near = didYouMean(given, known);
  return new UsageError(
    `cannot use ${what} "${given}": unknown${near || `, expected one of ${known.join(", ")}${more}`}`,
  );
}
