import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("simulator-child.mjs", import.meta.url));
const built = fileURLToPath(new URL("../dist/simulator/engine/simulate.js", import.meta.url));
const traceFile = "mooncake_conversation.jsonl";

/** What a child prints. */
interface Figures {
  readonly requests: number;
  /** From the start of the process. */
  readonly seconds: number;
  readonly simulatedSeconds: number;
  readonly peakMiB: number;
}

/**
 * Prints how fast whole simulations are: eight replicas, default policy, samples every 50 ms, each in a process of its own from its
 * start to its end, against what they should reach (docs/decisions/0019). The conversation trace is read from EPP_TRACES_DIR.
 */
export function benchSimulator(print: (line: string) => void): void {
  if (!existsSync(built)) return print("skipped: dist is not there, run npm run build first");
  verdict(print, "512/512 saturated, 20,000 requests", rate(measure("short")), 20_000, "requests/s");
  const saturated = measure("saturated");
  verdict(print, "512/512 saturated, 200,000 requests", rate(saturated), 20_000, "requests/s");
  verdict(print, "512/512 saturated, 200,000 requests", speed(saturated), 300, "x real time");
  verdict(print, "512/512 moderate, 200,000 requests", speed(measure("moderate")), 1000, "x real time");
  const folder = process.env["EPP_TRACES_DIR"];
  if (folder === undefined) print("conversation trace skipped: EPP_TRACES_DIR is not set");
  else limit(print, "conversation trace", measure("trace", join(folder, traceFile)).seconds, 1.5, "s");
  const sweep = measure("sweep");
  limit(print, "1,600,000 requests, two cores, from a tenth", (sweep.seconds * 10) / 2, 90, "s");
  const million = measure("million");
  limit(print, "1,000,000 requests, peak memory", million.peakMiB, 1024 / 1.048_576, "MiB");
  print(`1,000,000 requests took ${million.seconds.toFixed(1)} s, ${rate(million).toFixed(0)} requests/s`);
}

function measure(...args: readonly string[]): Figures {
  const { stdout, stderr, status } = spawnSync(process.execPath, [child, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot measure "${args.join(" ")}": status ${status}, expected 0: ${stderr}`);
  return JSON.parse(stdout) as Figures;
}

function rate({ requests, seconds }: Figures): number {
  return requests / seconds;
}

function speed({ simulatedSeconds, seconds }: Figures): number {
  return simulatedSeconds / seconds;
}

function verdict(print: (line: string) => void, name: string, found: number, least: number, unit: string): void {
  print(`${found >= least ? "met" : "MISSED"}: ${name}: ${found.toFixed(0)} ${unit}, at least ${least}`);
}

function limit(print: (line: string) => void, name: string, found: number, most: number, unit: string): void {
  print(`${found <= most ? "met" : "MISSED"}: ${name}: ${found.toFixed(1)} ${unit}, at most ${most.toFixed(1)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) benchSimulator((line) => console.log(line));
