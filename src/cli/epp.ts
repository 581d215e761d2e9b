import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { exitCode, UsageError } from "./exit.ts";
import { packageFile } from "./package-file.ts";
import { registerServe } from "./serve.ts";
import { registerCheck } from "./check.ts";
import { registerDemo } from "./demo.ts";
import { registerDoctor } from "./doctor.ts";
import { registerEnvoy } from "./envoy.ts";
import { registerExplain } from "./explain.ts";
import { registerTop } from "./top.ts";
import { registerUnavailable } from "./unavailable.ts";

/** The whole command line. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string };
  const program = new Command("epp")
    .description("Inference endpoint picker: sends each LLM request to the best model server, and can say why")
    .version(version)
    .showSuggestionAfterError()
    .exitOverride();
  const commands = [
    registerServe,
    registerDemo,
    registerEnvoy,
    registerCheck,
    registerDoctor,
    registerExplain,
    registerTop,
    registerUnavailable,
  ];
  for (const register of commands) register(program);
  return program;
}

/** Runs one command line (`process.argv`) and returns the exit code; problems are on standard error already. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const program = createProgram();
    if (argv.length <= 2) {
      program.outputHelp();
      return exitCode.usage;
    }
    await program.parseAsync(argv);
    return typeof process.exitCode === "number" ? process.exitCode : exitCode.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage;
    console.error(`epp: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? exitCode.usage : exitCode.no;
  }
}
