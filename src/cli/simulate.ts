import type { Command } from "commander";
import type { Knee } from "../../simulator/experiment/knee.ts";
import type { Shard } from "../../simulator/experiment/partial-result.ts";
import type { ExperimentPlan, Job, Variation } from "../../simulator/experiment/plan.ts";
import type { OpenedRecord } from "../../simulator/experiment/open-record.ts";
import type { JobResult } from "../../simulator/experiment/run-job.ts";
import type { ExperimentResult } from "../../simulator/experiment/result.ts";
import { exitCode, UsageError } from "./exit.ts";
import { readText } from "./read-text.ts";
import { addSimulateFlags, type SimulateFlags } from "./simulate-flags.ts";
import { writeText } from "./write-text.ts";

/** `epp simulate`: policies on the same requests in virtual time. */
export function registerSimulate(program: Command): void {
  const command = program
    .command("simulate")
    .description(
      "Rehearse policies on a trace, a recording or a scenario in virtual time, and say which one is better",
    );
  addSimulateFlags(command).action(async (flags: SimulateFlags) => {
    checkFlags(flags);
    if (flags.merge !== undefined) return present(await mergeFiles(flags.merge), flags);
    const { openPlan } = await import("./simulate-plan.ts");
    const { passGate } = await import("./simulate-gate.ts");
    const { fitPlan } = await import("./simulate-fit.ts");
    const { plan: made, record } = await openPlan(flags, command);
    const plan = await fitPlan(made, record, flags);
    await simulatePlan(await passGate(plan, record, flags), record, flags);
  });
}

function checkFlags(flags: SimulateFlags): void {
  const exclusive = (["sweep", "shard", "merge"] as const).filter((name) => flags[name] !== undefined);
  if (flags.findKnee === true && exclusive.length > 0) {
    throw new UsageError(`cannot use --find-knee together with --${exclusive[0]}`);
  }
  if (flags.merge !== undefined && exclusive.length > 1) {
    throw new UsageError(`cannot use --merge together with --${exclusive[0]}`);
  }
  if (flags.fit === true && flags.coefficients !== undefined) {
    throw new UsageError("cannot use --fit together with --coefficients");
  }
  if (flags.shard !== undefined && flags.html !== undefined) {
    throw new UsageError("cannot use --html together with --shard: a report is of the merged whole");
  }
}

/** Runs jobs with a bar of progress. */
type RunJobs = (jobs: readonly Job[], what: string) => Promise<JobResult[]>;

/** All that a plan's runs are made from. */
interface Prepared {
  readonly plan: ExperimentPlan;
  readonly jobs: readonly Job[];
  readonly variations: readonly Variation[];
}

async function simulatePlan(
  plan: ExperimentPlan,
  record: OpenedRecord | undefined,
  flags: SimulateFlags,
): Promise<void> {
  const { openLoad } = await import("../../simulator/experiment/open-load.ts");
  const { toPolicy } = await import("../../simulator/experiment/simulate-policy.ts");
  for (const spec of plan.policies) toPolicy(spec);
  const load = await openLoad(plan.load, plan.firstSeed, record);
  for (const note of load.notes) process.stderr.write(`${note}\n`);
  const { planJobs } = await import("../../simulator/experiment/plan.ts");
  const { drawVariations } = await import("../../simulator/experiment/variations.ts");
  const { createJobRunner } = await import("../../simulator/experiment/job-runner.ts");
  const { threadsFor } = await import("./simulate-plan.ts");
  const variations = drawVariations(plan.draws, plan.firstSeed);
  const jobs = planJobs(plan, variations, flags.html !== undefined);
  const runner = createJobRunner(plan, threadsFor(flags, jobs.length), load);
  const runJobs: RunJobs = async (some, what) => {
    const progress = await createProgress(what, some.length);
    try {
      return await runner.run(some, (count) => progress.done(count));
    } finally {
      progress.close();
    }
  };
  try {
    const prepared = { plan, jobs, variations };
    if (flags.shard !== undefined) write(await simulateShard(prepared, flags.shard, runJobs), flags);
    else await present(await simulateAll(prepared, flags, runJobs), flags);
  } finally {
    await runner.close();
  }
}

/** The partial result of one shard, as text. */
async function simulateShard({ plan, jobs, variations }: Prepared, shard: Shard, runJobs: RunJobs): Promise<string> {
  const { formatPart, jobsOfShard } = await import("../../simulator/experiment/partial-result.ts");
  const places = jobsOfShard(jobs, shard);
  const own = places.map((place) => jobs[place] as Job);
  const done = await runJobs(own, "runs");
  const results = places.map((job, i) => ({ job, result: done[i] as JobResult }));
  return formatPart({ kind: "epp-simulate-part", schemaVersion: 1, shard, plan, variations, results });
}

/** The result of all jobs; with `--find-knee` of those at the knee. */
async function simulateAll(
  { plan, jobs, variations }: Prepared,
  flags: SimulateFlags,
  runJobs: RunJobs,
): Promise<ExperimentResult> {
  const { assembleResult } = await import("../../simulator/experiment/result.ts");
  if (flags.findKnee !== true) return assembleResult(plan, jobs, await runJobs(jobs, "runs"));
  const { planJobs } = await import("../../simulator/experiment/plan.ts");
  const { searchKnees } = await import("../../simulator/experiment/search-knees.ts");
  const knees = await searchKnees(plan, runJobs);
  const atKnee = planAtKnee(plan, knees);
  const kneeJobs = planJobs(atKnee, variations, flags.html !== undefined);
  return assembleResult(atKnee, kneeJobs, await runJobs(kneeJobs, "runs at the knee"), knees);
}

/** The same plan at the rate of the greatest knee; unchanged when there is none. */
function planAtKnee(plan: ExperimentPlan, knees: readonly Knee[]): ExperimentPlan {
  const greatest = Math.max(...knees.map(({ rateScale }) => rateScale ?? 0));
  if (greatest === 0) return plan;
  return { ...plan, cells: plan.cells.map((cell) => ({ ...cell, rateScale: greatest })) };
}

async function mergeFiles(files: readonly string[]): Promise<ExperimentResult> {
  const { mergeParts, parsePart } = await import("../../simulator/experiment/partial-result.ts");
  const { planJobs } = await import("../../simulator/experiment/plan.ts");
  const { assembleResult } = await import("../../simulator/experiment/result.ts");
  const parts = files.map((file) => ({ file, part: parsePart(readText(file), file) }));
  const [first] = parts;
  if (first === undefined) throw new UsageError("--merge needs the files that --shard wrote");
  const { plan, variations } = first.part;
  const jobs = planJobs(plan, variations);
  return assembleResult(plan, jobs, mergeParts(parts, jobs.length));
}

async function present(result: ExperimentResult, flags: SimulateFlags): Promise<void> {
  if (flags.html !== undefined) {
    const { formatReport } = await import("../../simulator/report/report.ts");
    writeText(flags.html, formatReport(result));
  }
  if (flags.json === true) {
    const { formatDocument } = await import("../../simulator/experiment/document.ts");
    write(formatDocument(result), flags);
  } else {
    const { formatSimulation } = await import("./simulate-view.ts");
    write(`${formatSimulation(result)}\n`, flags);
  }
  process.exitCode = exitCode.done;
}

function write(text: string, flags: SimulateFlags): void {
  if (flags.out === undefined) process.stdout.write(text);
  else writeText(flags.out, text);
}

interface Progress {
  done(count: number): void;
  close(): void;
}

/** A bar on standard error; nothing where that is no terminal, and for a single run. */
async function createProgress(what: string, total: number): Promise<Progress> {
  if (!process.stderr.isTTY || total < 2) return { done: () => {}, close: () => {} };
  const { createLogUpdate } = await import("log-update");
  const draw = createLogUpdate(process.stderr);
  const cells = 30;
  return {
    done: (count) => {
      const full = Math.round((count / total) * cells);
      draw(`${"█".repeat(full)}${"░".repeat(cells - full)}  ${count} of ${total} ${what}`);
    },
    close: () => draw.clear(),
  };
}
