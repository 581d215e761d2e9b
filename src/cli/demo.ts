import { Option, type Command } from "commander";
import type { RunningArm } from "../../simulator/demo/arm.ts";
import { ask } from "../../simulator/demo/http-ask.ts";
import { type DemoResult, runDemo } from "../../simulator/demo/run-demo.ts";
import { defaultServers, demoModels } from "../../simulator/demo/scenario.ts";
import { type LoadName, loadNames } from "../../simulator/load/generate.ts";
import { decisionsPageSchema } from "../decisions/decisions-page.ts";
import { ensureEnvoy } from "../envoy/binary.ts";
import { systemClock } from "../lib/clock.ts";
import { formatSummary } from "./demo-summary.ts";
import { createLineView, createLiveView, type DemoView } from "./demo-view.ts";
import { exitCode } from "./exit.ts";
import { integerValue, positiveInteger } from "./option-values.ts";
import { packageFile } from "./package-file.ts";

interface DemoCommandOptions {
  seconds: number;
  seed: number;
  servers: number;
  load: LoadName;
  keep?: boolean;
  record?: string;
  json?: boolean;
}

/** `epp demo`: the same load through Envoy alone and through the picker, side by side. */
export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("Compare Envoy's own load balancing with the picker on emulated servers; needs no GPU and no cluster")
    .option("--seconds <n>", "length of the load of each of the three arms", positiveInteger, 30)
    .option("--seed <n>", "seed of the load", integerValue, 1)
    .option("--servers <n>", "emulated servers", positiveInteger, defaultServers)
    .addOption(new Option("--load <name>", "kind of load").choices(loadNames).default("mixed"))
    .option("--keep", "leave the picker, Envoy and the servers running until Ctrl-C")
    .option("--record <dir>", "record the picker's arm to files in this folder")
    .option("--json", "print the result as one JSON document")
    .action(async (options: DemoCommandOptions) => {
      process.exitCode = await demo(options);
    });
}

async function demo(options: DemoCommandOptions): Promise<number> {
  const say = (line: string): boolean => process.stderr.write(`${line}\n`);
  const envoy = await ensureEnvoy(process.env, say);
  const stop = stopOnSignal();
  const view = createView(options, say);
  try {
    const result = await runDemo({
      ...options,
      keep: options.keep === true,
      envoy,
      signal: stop.signal,
      observer: view,
      clock: systemClock,
      script: process.argv[1] ?? packageFile("bin", "epp.js"),
      configFile: packageFile("manifests", "config", "demo.yaml"),
    });
    view.close();
    await present(result, options, stop.signal);
    const errors = result.report.arms.reduce((sum, arm) => sum + arm.errors, 0);
    return errors === 0 ? exitCode.done : exitCode.no;
  } catch (error) {
    view.close();
    if (!stop.signal.aborted) throw error;
    say("Interrupted: everything the demo started has ended");
    return stop.exitCode();
  }
}

async function present({ report, kept }: DemoResult, options: DemoCommandOptions, signal: AbortSignal): Promise<void> {
  try {
    console.log(options.json === true ? JSON.stringify(report, undefined, 2) : `\n${formatSummary(report)}`);
    if (kept === undefined) return;
    process.stderr.write(`${await describeKept(kept)}\n`);
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      void kept.broken.then(() => resolve());
      if (signal.aborted) resolve();
    });
  } finally {
    await kept?.close();
  }
}

async function describeKept({ listener, envoyAdmin, pickerMetrics, endpoints }: RunningArm): Promise<string> {
  const body = { model: demoModels.base, prompt: "Which server is the best?", max_tokens: 4 };
  const answer = await ask(listener, "/v1/completions", JSON.stringify(body));
  const { id } = JSON.parse(answer.body) as { id: string };
  const requestId = (await findWeighed(pickerMetrics)) ?? id.replace(/^cmpl-/, "");
  const addr = pickerMetrics?.port === 9090 ? "" : ` --addr ${pickerMetrics?.host}:${pickerMetrics?.port}`;
  const lines = [
    `Still running until Ctrl-C:`,
    `  requests       http://${listener.host}:${listener.port}/v1/completions (model ${demoModels.base})`,
    `  Envoy's admin  http://${envoyAdmin.host}:${envoyAdmin.port}`,
    `  picker         http://${pickerMetrics?.host}:${pickerMetrics?.port}/metrics`,
    ...endpoints.map(({ name, host, port }) => `  ${name.padEnd(14)} http://${host}:${port}`),
    `  a request id   ${requestId}`,
    "",
    "Why that server got it:",
    `  npx --no-install epp explain ${requestId}${addr}`,
  ];
  return lines.join("\n");
}

/** Id of the newest request of the load whose server was not chosen by lot; undefined when there is none. */
async function findWeighed(metrics: RunningArm["pickerMetrics"]): Promise<string | undefined> {
  if (metrics === undefined) return undefined;
  const { body } = await ask(metrics, "/debug/decisions?limit=1000");
  const { decisions } = decisionsPageSchema.parse(JSON.parse(body));
  return decisions.find(({ choice, margin }) => choice === "greatest-total" && margin !== null)?.requestId;
}

function createView({ json }: DemoCommandOptions, say: (line: string) => void): DemoView {
  if (json === true) return createLineView(say);
  if (!process.stdout.isTTY) return createLineView((line) => console.log(line));
  return createLiveView(process.stdout, (process.env["NO_COLOR"] ?? "") === "");
}

/** The first signal stops in order, the second at once. */
function stopOnSignal(): { readonly signal: AbortSignal; readonly exitCode: () => number } {
  const controller = new AbortController();
  let code = 1;
  for (const [name, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.on(name, () => {
      code = 128 + number;
      if (controller.signal.aborted) process.exit(code);
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return { signal: controller.signal, exitCode: () => code };
}
