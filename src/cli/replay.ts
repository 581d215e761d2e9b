import type { Command } from "commander";
import { openRecording } from "../../simulator/recording/read-recording.ts";
import { type ReplayedConfig, replay } from "../../simulator/recording/replay.ts";
import { type CompiledConfig, configOf, loadConfig } from "../config/load.ts";
import { builtInRegistry } from "../config/registry.ts";
import { exitCode } from "./exit.ts";
import { readText } from "./read-text.ts";
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
  return { name: file, config: compile(readText(file, "config"), file) };
}

function compile(text: string, file: string): CompiledConfig {
  const rules = { file, registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 0n };
  return configOf(loadConfig(text, rules), file);
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
