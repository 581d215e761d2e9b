import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A picker in a process of its own, run from the sources. */
export interface PickerChild {
  readonly grpcPort: number;
  /** Value of a sample of its metrics page, by name and labels as printed. */
  sample(series: string): Promise<number | undefined>;
  /** Forgets the peak of its memory; false where the system does not allow it. */
  resetPeak(): boolean;
  /** Most resident memory since the last reset, in MiB. */
  peakMiB(): number;
  stop(): Promise<void>;
}

const entry = fileURLToPath(new URL("../test/support/epp-command.mjs", import.meta.url));

/** Starts `epp serve` without TLS on free loopback ports. `nodeOptions` go to Node. */
export async function startPickerChild(
  endpointsFile: string,
  nodeOptions: readonly string[] = [],
): Promise<PickerChild> {
  const ports = ["--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"];
  const args = [
    "serve",
    "--endpoints",
    endpointsFile,
    "--host",
    "127.0.0.1",
    ...ports,
    "--secure-serving=false",
    "-v",
    "1",
  ];
  const child = spawn(process.execPath, [...nodeOptions, "--import", "tsx", entry, ...args, "--drain-timeout", "0s"], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const [message] = (await Promise.race([
    once(child, "message"),
    ended.then(() => Promise.reject(new Error("Cannot start the picker: it ended"))),
  ])) as [{ grpcPort: number; metricsPort: number }];
  const file = (name: string): string => `/proc/${child.pid}/${name}`;
  return {
    grpcPort: message.grpcPort,
    sample: async (series) => {
      const page = await (await fetch(`http://127.0.0.1:${message.metricsPort}/metrics`)).text();
      const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    resetPeak: () => {
      try {
        writeFileSync(file("clear_refs"), "5");
        return true;
      } catch {
        return false;
      }
    },
    peakMiB: () => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file("status"), "utf8"))?.[1]) / 1024,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
