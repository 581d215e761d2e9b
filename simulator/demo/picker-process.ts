import { fork } from "node:child_process";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { endProcess } from "./end-process.ts";

/** Where a picker listens. */
export interface PickerPorts {
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
}

/** A running `epp serve`. */
export interface RunningPicker extends PickerPorts {
  readonly pid: number;
  /** Resolves, never rejects, when the process has ended for whatever reason. */
  readonly ended: Promise<void>;
  /** Resolves with the exit code when the process has ended; undefined when a signal ended it. */
  readonly exitCode: Promise<number | undefined>;
  close(): Promise<void>;
}

/** How the picker is run. */
export interface PickerRun {
  /** Script of the command line, run as `node SCRIPT serve ...` with the flags of this process. */
  readonly script: string;
  readonly endpointsFile: string;
  /** Default: the default config. */
  readonly configFile?: string;
  /** Default: free ones. */
  readonly ports?: PickerPorts;
  /** More flags of `epp serve`; default `--drain-timeout 100ms`. */
  readonly flags?: readonly string[];
  readonly clock?: Clock;
}

/** What `epp serve` tells the process that forked it. */
interface Serving extends PickerPorts {
  readonly kind: "serving";
}

const freePorts: PickerPorts = { grpcPort: 0, grpcHealthPort: 0, metricsPort: 0 };

/** Starts `epp serve` on loopback ports. Rejects with what it printed when it does not come up. */
export async function startPickerProcess(run: PickerRun): Promise<RunningPicker> {
  const { script, endpointsFile, configFile, ports = freePorts, clock = systemClock } = run;
  const files = ["--endpoints", endpointsFile, ...(configFile === undefined ? [] : ["--config-file", configFile])];
  const { flags = ["--drain-timeout", "100ms"] } = run;
  const args = ["serve", ...files, "--host", "127.0.0.1", ...portFlags(ports), "-v", "1", ...flags];
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith("--test") && !flag.startsWith("--inspect"));
  const child = fork(script, args, { execArgv, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const exitCode = new Promise<number | undefined>((resolve) => {
    child.once("exit", (code) => resolve(code ?? undefined));
    child.once("error", () => resolve(undefined));
  });
  const ended = exitCode.then(() => {});
  const serving = await new Promise<Serving | undefined>((resolve) => {
    child.once("message", (message: Serving) => resolve(message));
    void ended.then(() => resolve(undefined));
  });
  if (serving?.kind !== "serving") throw new Error(`Cannot start the picker: ${output.trim() || "it ended at once"}`);
  const { grpcPort, grpcHealthPort, metricsPort } = serving;
  const { pid = 0 } = child;
  const close = (): Promise<void> => {
    if (child.connected) child.disconnect(); // the picker does not drain for a parent that has gone
    return endProcess(child, ended, clock);
  };
  return { grpcPort, grpcHealthPort, metricsPort, pid, ended, exitCode, close };
}

function portFlags({ grpcPort, grpcHealthPort, metricsPort }: PickerPorts): string[] {
  const flags = { "--grpc-port": grpcPort, "--grpc-health-port": grpcHealthPort, "--metrics-port": metricsPort };
  return Object.entries(flags).flatMap(([flag, port]) => [flag, `${port}`]);
}
