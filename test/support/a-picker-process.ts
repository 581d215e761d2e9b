import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { endpointsText } from "./a-picker.ts";
import { connectAsEnvoy, type EnvoyStream } from "./ext-proc-client.ts";
import type { FakeModelServer } from "./fake-model-server.ts";

/** How a picker is run in a process of its own. */
export interface PickerProcessOptions {
  /** For Node, before the program. */
  readonly nodeOptions?: readonly string[];
  /** For `epp serve`, behind those that every test needs. */
  readonly args?: readonly string[];
  /** Most open files. */
  readonly maxFiles?: number;
  /** Module to run in place of `epp serve`; gets the arguments and sends the ports as that does. */
  readonly entry?: string;
}

/** A picker in a process of its own, ended with the test. */
export interface PickerProcess {
  readonly child: ChildProcess;
  readonly grpcPort: number;
  open(): EnvoyStream;
  /** Value of a sample of its metrics page, by name and labels as printed. */
  sample(series: string): Promise<number | undefined>;
  /** Resident memory in MiB. */
  rssMiB(): number;
  /** Processor time used so far, in seconds. */
  cpuSeconds(): number;
  /** Open file descriptors. */
  openFiles(): number;
}

/** Starts `epp serve` without TLS from the sources, on free loopback ports; resolves once it serves. */
export async function startPickerProcess(
  t: TestContext,
  servers: readonly FakeModelServer[],
  options: PickerProcessOptions = {},
): Promise<PickerProcess> {
  const folder = mkdtempSync(join(tmpdir(), "epp-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const endpoints = join(folder, "endpoints.json");
  writeFileSync(endpoints, endpointsText(servers));
  const child = spawnPicker(endpoints, options);
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const failed = ended.then(() => Promise.reject(new Error("the picker ended before it served")));
  const [ports] = (await Promise.race([once(child, "message"), failed])) as [{ grpcPort: number; metricsPort: number }];
  failed.catch(() => {});
  const file = (name: string): string => readFileSync(`/proc/${child.pid}/${name}`, "utf8");
  return {
    child,
    grpcPort: ports.grpcPort,
    open: connectAsEnvoy(t, ports.grpcPort).open,
    sample: async (series) => {
      const page = await (await fetch(`http://127.0.0.1:${ports.metricsPort}/metrics`)).text();
      const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    rssMiB: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(file("status"))?.[1]) / 1024,
    openFiles: () => readdirSync(`/proc/${child.pid}/fd`).length,
    cpuSeconds: () => {
      const fields = file("stat").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
  };
}

function spawnPicker(endpoints: string, options: PickerProcessOptions): ChildProcess {
  const entry = options.entry ?? fileURLToPath(new URL("./epp-command.mjs", import.meta.url));
  const ports = ["--host", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
  const serve = ["serve", "--endpoints", endpoints, ...ports, "--secure-serving=false", ...(options.args ?? [])];
  const node = [process.execPath, ...(options.nodeOptions ?? []), "--import", "tsx", entry, ...serve];
  const command =
    options.maxFiles === undefined ? node : ["sh", "-c", `ulimit -n ${options.maxFiles} && exec "$@"`, "sh", ...node];
  const [program = "", ...args] = command;
  return spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
}
