import type { Command } from "commander";
import { configOf, loadConfig } from "../config/load.ts";
import type { MetricsConfig } from "../config/metrics-plugins.ts";
import { builtInRegistry } from "../config/registry.ts";
import { type EndpointEntry, readEndpoints } from "../discovery/endpoints-file.ts";
import { type ClusterFacts, entriesOf } from "../doctor/examine-cluster.ts";
import { examinePool } from "../doctor/examine-pool.ts";
import { systemClock } from "../lib/clock.ts";
import { formatProblems } from "../lib/document.ts";
import { askCluster, type ClusterFlags } from "./doctor-cluster.ts";
import { formatDoctorReport } from "./doctor-view.ts";
import { exitCode } from "./exit.ts";
import { booleanValue, positiveInteger } from "./option-values.ts";
import { addClusterFlags, locatePool } from "./pool-flags.ts";
import { readText } from "./read-text.ts";

interface DoctorOptions extends ClusterFlags {
  configFile?: string;
  seconds: number;
  json?: boolean;
  allowExperimentalPlugins: boolean;
}

/**
 * `epp doctor`: whether the picker can follow its pool in the cluster and read every endpoint's metrics, and what is odd about
 * them; exit 1 for errors.
 */
export function registerDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("Ask for the pool and read every endpoint's metrics page as the picker does; exit 1 for an error")
    .option("--endpoints <file>", "endpoints file (YAML or JSON)");
  addClusterFlags(command);
  command
    .option("--ha-enable-leader-election [bool]", "ask for the rights of leader election too", booleanValue, false)
    .option("--metrics-endpoint-auth [bool]", "ask for the rights to check readers of /metrics", booleanValue, true)
    .option("--config-file <file>", "EndpointPickerConfig that says where pages are and which engines there are")
    .option("--seconds <n>", "how long the pages are watched; one read each half second", positiveInteger, 3)
    .option("--json", "print the report as one JSON document")
    .option("--allow-experimental-plugins [bool]", "accept plugins marked alpha", booleanValue, false)
    .action(async (options: DoctorOptions) => {
      process.exitCode = await doctor(options);
    });
}

async function doctor(options: DoctorOptions): Promise<number> {
  const { json, seconds } = options;
  const location = locatePool(options, process.env, "doctor");
  const metrics = readMetricsConfig(options);
  const awake = setInterval(() => {}, 1000);
  try {
    const [entries, cluster] = await find(location, options);
    const report = await examinePool({ entries, cluster, metrics, seconds, clock: systemClock });
    console.log(json === true ? JSON.stringify(report, undefined, 2) : formatDoctorReport(report));
    return report.errors > 0 ? exitCode.no : exitCode.done;
  } finally {
    clearInterval(awake);
  }
}

async function find(
  location: ReturnType<typeof locatePool>,
  options: DoctorOptions,
): Promise<readonly [readonly EndpointEntry[], ClusterFacts?]> {
  if (location.kind === "file") return [readFile(location.endpointsFile)];
  const cluster = await askCluster(location, options);
  return [entriesOf(cluster), cluster];
}

function readFile(path: string): readonly EndpointEntry[] {
  const read = readEndpoints(readText(path), path);
  if (read.kind === "ok") return read.entries;
  throw new Error(`Cannot use endpoints "${path}":\n${formatProblems(read.problems)}`);
}

function readMetricsConfig({ configFile, allowExperimentalPlugins }: DoctorOptions): MetricsConfig {
  const text = configFile === undefined ? undefined : readText(configFile);
  const file = configFile ?? "default";
  const rules = { file, registry: builtInRegistry, allowExperimentalPlugins, hashKey: 0n };
  return configOf(loadConfig(text, rules), file).metrics;
}
