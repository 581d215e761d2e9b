import { type Command, Option } from "commander";
import { configOf, loadConfig } from "../config/load.ts";
import type { MetricsConfig } from "../config/metrics-plugins.ts";
import { builtInRegistry } from "../config/registry.ts";
import { readEndpoints } from "../discovery/endpoints-file.ts";
import { examinePool } from "../doctor/examine-pool.ts";
import { systemClock } from "../lib/clock.ts";
import { formatProblems } from "../lib/document.ts";
import { formatDoctorReport } from "./doctor-view.ts";
import { exitCode, UsageError } from "./exit.ts";
import { booleanValue, positiveInteger } from "./option-values.ts";
import { readText } from "./read-text.ts";

interface DoctorOptions {
  endpoints?: string;
  poolName?: string;
  configFile?: string;
  seconds: number;
  json?: boolean;
  allowExperimentalPlugins: boolean;
}

/** `epp doctor`: whether the picker can read every endpoint's metrics, and what is odd about them; exit 1 for errors. */
export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("Read every endpoint's metrics page as the picker does and say what is wrong; exit 1 for an error")
    .option("--endpoints <file>", "endpoints file (YAML or JSON)")
    .option("--config-file <file>", "EndpointPickerConfig that says where pages are and which engines there are")
    .option("--seconds <n>", "how long the pages are watched; one read each half second", positiveInteger, 3)
    .option("--json", "print the report as one JSON document")
    .option("--allow-experimental-plugins [bool]", "accept plugins marked alpha", booleanValue, false)
    .addOption(new Option("--pool-name <name>").hideHelp())
    .action(async (options: DoctorOptions) => {
      process.exitCode = await doctor(options);
    });
}

async function doctor(options: DoctorOptions): Promise<number> {
  const { endpoints, poolName, json, seconds } = options;
  if (poolName !== undefined) {
    const hint = "Kubernetes discovery is not available in this version; use --endpoints FILE";
    throw new UsageError(`cannot use --pool-name: ${hint}`);
  }
  if (endpoints === undefined) throw new UsageError("doctor needs --endpoints FILE");
  const entries = readEndpoints(readText(endpoints), endpoints);
  if (entries.kind === "invalid") {
    throw new Error(`Cannot use endpoints "${endpoints}":\n${formatProblems(entries.problems)}`);
  }
  const metrics = readMetricsConfig(options);
  const awake = setInterval(() => {}, 1000);
  try {
    const report = await examinePool({ entries: entries.entries, metrics, seconds, clock: systemClock });
    console.log(json === true ? JSON.stringify(report, undefined, 2) : formatDoctorReport(report));
    return report.errors > 0 ? exitCode.no : exitCode.done;
  } finally {
    clearInterval(awake);
  }
}

function readMetricsConfig({ configFile, allowExperimentalPlugins }: DoctorOptions): MetricsConfig {
  const text = configFile === undefined ? undefined : readText(configFile);
  const file = configFile ?? "default";
  const rules = { file, registry: builtInRegistry, allowExperimentalPlugins, hashKey: 0n };
  return configOf(loadConfig(text, rules), file).metrics;
}
