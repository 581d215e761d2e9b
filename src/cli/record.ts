import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { configOf, loadConfig } from "../config/load.ts";
import { builtInRegistry } from "../config/registry.ts";
import { sleep, systemClock } from "../lib/clock.ts";
import { createRandom } from "../lib/random.ts";
import { watchPool } from "../main/watch-pool.ts";
import { createLogger } from "../telemetry/logger.ts";
import { exitCode } from "./exit.ts";
import { durationValue, minScrapeIntervalMs, verbosityValue } from "./option-values.ts";
import { readText } from "./read-text.ts";
import { addRecordingSizeFlags, type RecordingSizeFlags, recordTo } from "./recording-flags.ts";

interface RecordOptions extends RecordingSizeFlags {
  endpoints: string;
  out: string;
  configFile?: string;
  poolName: string;
  duration?: number;
  refreshMetricsInterval: number;
  v: number;
}

/** `epp record`: the metrics of a pool that any picker serves, written to a recording until SIGTERM or SIGINT. */
export function registerRecord(program: Command): void {
  const command = program
    .command("record")
    .description("Record the metrics of a pool that any picker serves; beside our own use epp serve --record")
    .requiredOption("--endpoints <file>", "endpoints file (YAML or JSON), watched")
    .requiredOption("--out <dir>", "folder for the files of the recording")
    .option("--config-file <file>", "EndpointPickerConfig that says where metrics are and what they are called")
    .option("--pool-name <name>", "name of the pool, for the recording", "default")
    .option("--duration <duration>", "end after this time, such as 10m; default: at a signal", durationValue)
    .option("--refresh-metrics-interval <duration>", "time between two scrapes of an endpoint", durationValue, 50)
    .option("-v, --v <level>", "verbosity: 1 warnings, 2 normal", verbosityValue, 2);
  addRecordingSizeFlags(command).action(record);
}

async function record(options: RecordOptions): Promise<void> {
  const { configFile, duration = Number.POSITIVE_INFINITY } = options;
  const logger = createLogger(options.v);
  const file = configFile ?? "default config";
  const rules = { file, registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 0n };
  const text = configFile === undefined ? undefined : readText(configFile, "config");
  const config = configOf(loadConfig(text, rules), file);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  const pool = await watchPool({
    endpointsFile: options.endpoints,
    config,
    poolName: options.poolName,
    record: recordTo(options.out, options),
    scrapeIntervalMs: Math.max(minScrapeIntervalMs, options.refreshMetricsInterval),
    logger,
    clock: systemClock,
    random: createRandom(randomBytes(4).readUInt32LE()),
  });
  logger.info({ folder: options.out }, "Recording samples until a signal comes");
  await waitFor(duration, stop.signal);
  const { endpoints, seen } = pool.counts();
  await pool.close();
  logger.info({ endpoints, seen }, "Stopped");
  if (seen > 0 || endpoints === 0) return;
  console.error(
    `epp: none of ${endpoints} endpoints showed a sample: epp doctor --endpoints ${options.endpoints} says why`,
  );
  process.exitCode = exitCode.no;
}

/** A timer that keeps the process, unlike those of the clock. */
async function waitFor(durationMs: number, signal: AbortSignal): Promise<void> {
  const keep = setInterval(() => {}, 3_600_000);
  const longest = 2 ** 31 - 1;
  for (let left = durationMs; left > 0 && !signal.aborted; left -= longest) {
    await sleep(systemClock, Math.min(left, longest), signal);
  }
  clearInterval(keep);
}
