import { type Command, InvalidArgumentError, Option } from "commander";
import type { Shard } from "../../simulator/experiment/partial-result.ts";
import { integerValue, positiveInteger } from "./option-values.ts";

/** What `epp simulate` was called with. */
export interface SimulateFlags {
  trace?: string;
  recording?: string;
  metrics?: string;
  recordedPolicy?: string;
  despiteGate?: boolean;
  scenario?: string;
  policy?: string[];
  replicas?: number;
  preset?: string;
  fit?: boolean;
  fitOut?: string;
  coefficients?: string;
  rateScale: number;
  scaleBy: "time-warp" | "thinning";
  rawTimes?: boolean;
  openLoop?: boolean;
  limit?: number;
  scrapeMs?: number;
  scrapeDelayMs?: number;
  scrapeJitterMs: number;
  scrapeLoss?: number;
  pickers?: number;
  oracleLengths?: boolean;
  timeoutMs: number;
  seeds?: number;
  reconstructions?: number;
  seed: number;
  sensitivity?: number;
  cold?: boolean;
  exact?: boolean;
  sloTtftMs: number;
  sloTpotMs: number;
  findKnee?: boolean;
  sweep?: string;
  threads?: number;
  shard?: Shard;
  merge?: string[];
  out?: string;
  json?: boolean;
  html?: string;
}

/** Adds every flag to the command. */
export function addSimulateFlags(command: Command): Command {
  return command
    .option(
      "--trace <file>",
      "requests of a trace: Mooncake, Azure, BurstGPT, Qwen-Bailian, inference-perf, gzipped or not",
    )
    .option("--recording <dir>", "requests of a recording")
    .option(
      "--metrics <path>",
      "loads drawn, again and again, to agree with recorded metrics: a file or a folder of scrapes",
    )
    .option(
      "--recorded-policy <name|config>",
      "what served the recorded requests (default: the config in the recording; metrics do not say it)",
    )
    .option(
      "--despite-gate",
      "rank policies although the recorded one, simulated first, differs from the record by more than they do",
    )
    .option("--scenario <name>", "requests of a built-in scenario")
    .option(
      "--policy <name|config...>",
      "built-in policies and EndpointPickerConfig files, baselines first (default: round-robin go-default default)",
    )
    .option(
      "--replicas <n>",
      "model servers (default: as many as recorded, those of the scenario, 8 for a trace)",
      positiveInteger,
    )
    .option(
      "--preset <name>",
      "model and GPU of the servers (default: those of the scenario, llama-3-8b-h100 otherwise)",
    )
    .option("--fit", "fit the coefficients of the servers to what was recorded, and use them instead of the preset's")
    .option("--fit-out <file>", "write the fitted coefficients to a file, for --coefficients")
    .option("--coefficients <file>", "use the coefficients of a file instead of the preset's")
    .option("--rate-scale <x>", "how many times as fast requests arrive", positiveNumber, 1)
    .addOption(
      new Option("--scale-by <how>", "time-warp: sessions begin closer together; thinning: leaves sessions out")
        .choices(["time-warp", "thinning"])
        .default("time-warp"),
    )
    .option("--raw-times", "leave rounded arrival times as they are, instead of spreading them")
    .option("--open-loop", "turns of a session arrive at their times, whatever became of the turn before")
    .option("--limit <n>", "only the first n requests", positiveInteger)
    .option(
      "--scrape-ms <ms>",
      "time between two samples of a server's metrics (default: that of the scenario, 50 otherwise)",
      positiveNumber,
    )
    .option(
      "--scrape-delay-ms <ms>",
      "age of a sample when it arrives (default: that of the scenario, 0 otherwise)",
      numberFromZero,
    )
    .option("--scrape-jitter-ms <ms>", "added to that, anywhere from 0 to this", numberFromZero, 0)
    .option(
      "--scrape-loss <ratio>",
      "share of samples that never arrive (default: that of the scenario, 0 otherwise)",
      ratio,
    )
    .option(
      "--pickers <n>",
      "pickers side by side, each with its own share of the requests (default: those of the scenario, 1 otherwise)",
      positiveInteger,
    )
    .option("--oracle-lengths", "tell policies the true length of answers: a bound, not a result")
    .option("--timeout-ms <ms>", "clients leave after this time; 0: never", numberFromZero, 0)
    .option(
      "--seeds <n>",
      "runs with different chance (default: 10, with one policy 1; with --metrics 2 of each load)",
      positiveInteger,
    )
    .option("--reconstructions <n>", "loads drawn from --metrics, 20 or more (default: 20)", positiveInteger)
    .option("--seed <s>", "the first seed", integerValue, 1)
    .option(
      "--sensitivity <n>",
      "draws of coefficients varied by 30 %, beside each alone; 0: none (default: 10 with several policies and seeds)",
      wholeFromZero,
    )
    .option("--cold", "count from the first request on, cold caches included")
    .option("--exact", "take every step by itself, instead of jumping over steps in which nothing changes")
    .option("--slo-ttft-ms <ms>", "longest time to first token of a good request", positiveNumber, 2000)
    .option("--slo-tpot-ms <ms>", "longest mean time between tokens of a good request", positiveNumber, 100)
    .option("--find-knee", "search for the greatest rate that each policy copes with, and compare at that of the best")
    .option("--sweep <file>", "a grid of weights, rates, replicas and scrape periods (YAML or JSON)")
    .option("--threads <n>", "threads to simulate in (default: one a core)", positiveInteger)
    .option("--shard <i/n>", "do only part i (from 0) of n; auto/n takes i from JOB_COMPLETION_INDEX", shardValue)
    .option("--merge <file...>", "put the parts that --shard wrote together")
    .option("--json", "print the result as one JSON document")
    .option("--html <file>", "write a report with plots")
    .option("--out <file>", "write what would be printed to a file");
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new InvalidArgumentError("expected a number above 0.");
}

function numberFromZero(text: string): number {
  return Number(text) === 0 && text.trim() !== "" ? 0 : positiveNumber(text);
}

function wholeFromZero(text: string): number {
  return text === "0" ? 0 : positiveInteger(text);
}

function ratio(text: string): number {
  const value = numberFromZero(text);
  if (value <= 1) return value;
  throw new InvalidArgumentError("expected a number from 0 to 1.");
}

function shardValue(text: string): Shard {
  const [, place = "", count = ""] = /^(\d+|auto)\/(\d+)$/.exec(text) ?? [];
  const index = Number(place === "auto" ? (process.env["JOB_COMPLETION_INDEX"] ?? Number.NaN) : place);
  const of = Number(count);
  if (Number.isInteger(index) && of >= 1 && index < of) return { index, of };
  if (place === "auto") throw new InvalidArgumentError(`JOB_COMPLETION_INDEX does not name one of ${count} parts.`);
  throw new InvalidArgumentError("expected I/N with I from 0 to N-1, or auto/N.");
}
