import { fork } from "node:child_process";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { endProcess } from "./end-process.ts";

/** A running `epp serve`. */
export interface RunningPicker {
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
  /** Resolves, never rejects, when the process has ended for whatever reason. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** How the picker is run. */
export interface PickerRun {
  /** Script of the command line, run as `node SCRIPT serve ...` with the flags of this process. */
  readonly script: string;
  readonly endpointsFile: string;
  readonly configFile: string;
  readonly clock?: Clock;
}

/** What `epp serve` tells the process that forked it. */
interface Serving {
  readonly kind: "serving";
  readonly grpcPort: number;
  readonly grpcHealthPort: number;
  readonly metricsPort: number;
}

/** Starts `epp serve` on free loopback ports. Rejects with what it printed when it does not come up. */
export async function startPickerProcess(run: PickerRun): Promise<RunningPicker> {
  const { script, endpointsFile, configFile, clock = systemClock } = run;
  const files = ["--endpoints", endpointsFile, "--config-file", configFile];
  const ports = ["--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
  const args = ["serve", ...files, "--host", "127.0.0.1", ...ports, "--drain-timeout", "100ms", "-v", "1"];
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith("--test") && !flag.startsWith("--inspect"));
  const child = fork(script, args, { execArgv, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const serving = await new Promise<Serving | undefined>((resolve) => {
    child.once("message", (message: Serving) => resolve(message));
    void ended.then(() => resolve(undefined));
  });
  if (serving?.kind !== "serving") throw new Error(`Cannot start the picker: ${output.trim() || "it ended at once"}`);
  const { grpcPort, grpcHealthPort, metricsPort } = serving;
  const close = (): Promise<void> => {
    if (child.connected) child.disconnect(); // an open channel keeps the child alive
    return endProcess(child, ended, clock);
  };
  return { grpcPort, grpcHealthPort, metricsPort, ended, close };
}
