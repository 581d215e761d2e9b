import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { exitCode, UsageError } from "./exit.ts";
import { packageFile } from "./package-file.ts";

type Register = (program: Command) => void;

/** Each command is loaded when it is asked for: what one needs must not slow down the start of another. */
const commands: Readonly<Record<string, () => Promise<Register>>> = {
  serve: async () => (await import("./serve.ts")).registerServe,
  demo: async () => (await import("./demo.ts")).registerDemo,
  envoy: async () => (await import("./envoy.ts")).registerEnvoy,
  check: async () => (await import("./check.ts")).registerCheck,
  doctor: async () => (await import("./doctor.ts")).registerDoctor,
  explain: async () => (await import("./explain.ts")).registerExplain,
  top: async () => (await import("./top.ts")).registerTop,
  record: async () => (await import("./record.ts")).registerRecord,
  replay: async () => (await import("./replay.ts")).registerReplay,
  simulate: async () => (await import("./simulate.ts")).registerSimulate,
};

/** The command line with the command of that name; with all of them for any other name, or none. */
export async function createProgram(name?: string): Promise<Command> {
  const { version } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string };
  const program = new Command("epp")
    .description("Inference endpoint picker: sends each LLM request to the best model server, and can say why")
    .version(version)
    .showSuggestionAfterError()
    .exitOverride();
  const known = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (known !== undefined) {
    (await known())(program);
    return program;
  }
  for (const load of Object.values(commands)) (await load())(program);
  return program;
}

/** Runs one command line (`process.argv`) and returns the exit code; problems are on standard error already. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(argv[2]);
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
