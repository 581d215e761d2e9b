import { type Command, Option } from "commander";
import type { PoolFacts } from "../config/cautions.ts";
import { loadConfig } from "../config/load.ts";
import { builtInRegistry } from "../config/registry.ts";
import { type EndpointsFile, readEndpoints } from "../discovery/endpoints-file.ts";
import { isInferenceObject } from "../discovery/inference-objects.ts";
import { readObjects } from "../discovery/objects-file.ts";
import { poolFacts } from "../doctor/pool-facts.ts";
import { formatProblems, type Problem, readDocuments } from "../lib/document.ts";
import { exitCode, UsageError } from "./exit.ts";
import { booleanValue } from "./option-values.ts";
import { readText } from "./read-text.ts";

interface CheckOptions {
  endpoints: string[];
  allowExperimentalPlugins: boolean;
}

/** What a file turned out to be. */
type Verdict = {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly summary: string;
};

/** `epp check`: every problem of configs, objects files and endpoints files with its place; exit 1 when there is one. */
export function registerCheck(program: Command): void {
  program
    .command("check")
    .description("Check EndpointPickerConfig files, objects files and endpoints files, without starting anything")
    .argument("[config...]", "EndpointPickerConfig files and objects files, told apart by the kinds in them")
    .addOption(new Option("--endpoints <file...>", "endpoints files").default([], "none"))
    .option("--allow-experimental-plugins [bool]", "accept plugins marked alpha", booleanValue, false)
    .action((configs: string[], options: CheckOptions) => {
      if (configs.length + options.endpoints.length === 0)
        throw new UsageError("check needs a CONFIG or --endpoints FILE");
      const lists = options.endpoints.map((file) => readEndpoints(readText(file), file));
      const entries = lists.flatMap((list) => (list.kind === "ok" ? list.entries : []));
      const pool = poolFacts(lists.some(({ kind }) => kind === "ok") ? entries : undefined);
      const verdicts = [
        ...configs.map((file) => checkByKind(file, options, pool)),
        ...lists.map((list, i) => checkEndpoints(options.endpoints[i] ?? "", list)),
      ];
      for (const { problems, warnings, summary } of verdicts) {
        if (problems.length > 0) console.error(formatProblems(problems));
        for (const warning of warnings) console.error(`warning: ${formatProblems([warning])}`);
        console.log(summary);
      }
      process.exitCode = verdicts.some(({ problems }) => problems.length > 0) ? exitCode.no : exitCode.done;
    });
}

function checkByKind(file: string, options: CheckOptions, pool: PoolFacts): Verdict {
  const text = readText(file);
  return readDocuments(text, file).some(isInferenceObject)
    ? checkObjects(text, file)
    : checkConfig(text, file, options, pool);
}

function checkObjects(text: string, file: string): Verdict {
  const read = readObjects(text, file);
  const { warnings } = read;
  if (read.kind === "invalid") return { problems: read.problems, warnings, summary: counted(file, read.problems) };
  const objectives = read.objects.filter(({ content }) => content.kind === "InferenceObjective").length;
  const summary = `${file}: ok, ${objectives} objectives, ${read.objects.length - objectives} rewrites`;
  return { problems: [], warnings, summary };
}

function checkConfig(text: string, file: string, { allowExperimentalPlugins }: CheckOptions, pool: PoolFacts): Verdict {
  const rules = { registry: builtInRegistry, allowExperimentalPlugins };
  const loaded = loadConfig(text, { file, ...rules, hashKey: 0n, pool });
  const { warnings } = loaded;
  if (loaded.kind === "invalid")
    return { problems: loaded.problems, warnings, summary: counted(file, loaded.problems) };
  const { plan, revision } = loaded.config;
  const profiles = plan.profiles.map(({ name }) => name).join(", ");
  return { problems: [], warnings, summary: `${file}: ok, revision ${revision}, profiles ${profiles}` };
}

function checkEndpoints(file: string, read: EndpointsFile): Verdict {
  if (read.kind === "invalid") return { problems: read.problems, warnings: [], summary: counted(file, read.problems) };
  return { problems: [], warnings: [], summary: `${file}: ok, ${read.entries.length} endpoints` };
}

function counted(file: string, problems: readonly Problem[]): string {
  return `${file}: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`;
}
