import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, extname } from "node:path";
import type { Command } from "commander";
import type { Cell, ExperimentPlan, LoadSpec, PolicySpec } from "../../simulator/experiment/plan.ts";
import type { Sweep } from "../../simulator/experiment/sweep-file.ts";
import { policyNames } from "../../simulator/policies/registry.ts";
import { presetNames } from "../../simulator/replica/presets.ts";
import { didYouMean } from "../lib/suggest.ts";
import { UsageError } from "./exit.ts";
import type { SimulateFlags } from "./simulate-flags.ts";

const defaultPolicies = ["round-robin", "go-default", "default"];
const defaultSeeds = 10;
const defaultDraws = 10;

/** What is to be simulated, from the flags and a sweep's file. Throws UsageError for flags that do not fit each other. */
export async function makePlan(flags: SimulateFlags, command: Command): Promise<ExperimentPlan> {
  const sweep = await openSweep(flags, command);
  const policies = choosePolicies(flags, sweep);
  const preset = sweep?.preset ?? flags.preset;
  if (!(presetNames as readonly string[]).includes(preset)) throw unknown("preset", preset, presetNames);
  const seeds = sweep?.seeds ?? flags.seeds ?? (policies.length > 1 ? defaultSeeds : 1);
  const isCompared = policies.length > 1 && seeds > 1 && sweep === undefined;
  return {
    load: chooseLoad(flags, sweep),
    policies,
    preset,
    cells: cellsOf(flags, sweep),
    firstSeed: flags.seed,
    seeds,
    slo: { ttftMs: flags.sloTtftMs, tpotMs: flags.sloTpotMs },
    mode: flags.exact === true ? "exact" : "macro",
    isCold: flags.cold === true,
    circumstances: {
      scrapeDelayMs: flags.scrapeDelayMs,
      scrapeJitterMs: flags.scrapeJitterMs,
      scrapeLossRatio: flags.scrapeLoss,
      pickers: flags.pickers,
      oracleLengths: flags.oracleLengths === true,
      timeoutMs: flags.timeoutMs,
    },
    draws: flags.sensitivity ?? (isCompared ? defaultDraws : 0),
  };
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
    { kind: "scenario", source: flags.scenario },
    { kind: "trace", source: sweep?.trace },
    { kind: "scenario", source: sweep?.scenario },
  ];
  const chosen = given.flatMap(({ kind, source }) => (source === undefined ? [] : [{ kind, source, ...terms }]));
  const [only] = chosen;
  if (chosen.length !== 1 || only === undefined) {
    const found = chosen.length === 0 ? "none" : chosen.map(({ kind }) => `--${kind}`).join(" and ");
    throw new UsageError(`simulate needs one of --trace FILE, --recording DIR and --scenario NAME: found ${found}`);
  }
  return only;
}

function choosePolicies(flags: SimulateFlags, sweep: Sweep | undefined): PolicySpec[] {
  const weighted = sweep?.weighted ?? [];
  const named = flags.policy ?? sweep?.policies ?? (weighted.length > 0 ? [] : defaultPolicies);
  const policies = [...named.map(toSpec), ...weighted];
  const twice = policies.find(({ name }, i) => policies.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new UsageError(`cannot compare policy "${twice.name}" with itself: given twice`);
  return policies;
}

function toSpec(given: string): PolicySpec {
  if (policyNames.includes(given)) return { name: given };
  if (!/[./]/.test(given)) throw unknown("policy", given, policyNames, ", or an EndpointPickerConfig file");
  return { name: basename(given, extname(given)), text: readText(given), file: given };
}

function cellsOf(flags: SimulateFlags, sweep: Sweep | undefined): Cell[] {
  const { rateScales = [flags.rateScale], replicas = [flags.replicas], scrapeMs = [flags.scrapeMs] } = sweep ?? {};
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

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read "${file}": ${(error as Error).message}`, { cause: error });
  }
}
