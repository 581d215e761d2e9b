import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { openRecording } from "../../simulator/recording/read-recording.ts";
import { type ReplayedConfig, replay } from "../../simulator/recording/replay.ts";
import { type CompiledConfig, loadConfig } from "../config/load.ts";
import { builtInRegistry } from "../config/registry.ts";
import { formatProblems } from "../lib/document.ts";
import { exitCode } from "./exit.ts";
import { formatReplay } from "./replay-view.ts";

interface ReplayCommandOptions {
  config: string[];
  json?: boolean;
}

/** `epp replay`: which decisions of a recording other configs would have changed. */
export function registerReplay(program: Command): void {
  program
    .command("replay")
    .description("Decide the requests of a recording again, with its own config and with others; claims no latency")
    .argument("<recording>", "folder or file that epp serve --record has written")
    .option(
      "--config <file>",
      "EndpointPickerConfig to compare with what was recorded; may be given again",
      collect,
      [],
    )
    .option("--json", "print the result as one JSON document")
    .action((path: string, options: ReplayCommandOptions) => {
      const configs = options.config.map(readConfig);
      const recording = openRecording(path);
      const report = replay({ recording, load: (text) => compile(text, "the recorded config"), configs });
      for (const { file, line, problem } of recording.report.bad) console.error(`epp: ${file}:${line}: ${problem}`);
      console.log(options.json === true ? JSON.stringify(report, undefined, 2) : formatReplay(report));
      if (report.decisions > 0) return;
      console.error(`epp: "${path}" holds no decision: it was recorded beside another picker, or no request came`);
      process.exitCode = exitCode.no;
    });
}

function readConfig(file: string): ReplayedConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read config "${file}": ${(error as Error).message}`, { cause: error });
  }
  return { name: file, config: compile(text, file) };
}

function compile(text: string, file: string): CompiledConfig {
  const loaded = loadConfig(text, { file, registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 0n });
  if (loaded.kind === "ok") return loaded.config;
  throw new Error(`Cannot use config "${file}":\n${formatProblems(loaded.problems)}`);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
