import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildBootstrap } from "../../src/envoy/bootstrap.ts";
import type { Json } from "../../src/envoy/clusters.ts";
import type { BootstrapOptions, SocketAddress } from "../../src/envoy/options.ts";
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { formatYaml } from "../../src/lib/yaml-text.ts";
import { endProcess } from "./end-process.ts";
import { ask } from "./http-ask.ts";
import { onExit } from "./on-exit.ts";

/** A running Envoy. */
export interface RunningEnvoy {
  readonly listener: SocketAddress;
  readonly admin: SocketAddress;
  /** Resolves, never rejects, when the process has ended for whatever reason. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** How Envoy is run. */
export interface EnvoyRun {
  /** Path of the binary. */
  readonly binary: string;
  /** Folder for its files; the caller removes it. */
  readonly folder: string;
  readonly routing: BootstrapOptions["routing"];
  readonly endpoints: readonly SocketAddress[];
  readonly clock: Clock;
  /** Makes the bootstrap to run of the one that the picker comes with; default: that one. */
  readonly adapt?: (bootstrap: Json) => Json;
}

const startTimeoutMs = 15_000;

/**
 * Starts Envoy on free loopback ports with one worker, so that "in turn" means in turn over all connections. Rejects with
 * what it printed when it does not come up.
 */
export async function startEnvoy(run: EnvoyRun): Promise<RunningEnvoy> {
  const { binary, folder, routing, endpoints, clock, adapt = (bootstrap) => bootstrap } = run;
  const free = { host: "127.0.0.1", port: 0 };
  const [configFile, addressFile] = [join(folder, "envoy.yaml"), join(folder, "envoy-admin.txt")];
  await writeFile(configFile, formatYaml(adapt(buildBootstrap({ listen: free, admin: free, routing, endpoints }))));
  const args = ["-c", configFile, "--admin-address-path", addressFile, "--disable-hot-restart"];
  const child = spawn(binary, [...args, "--concurrency", "1", "--log-level", "error"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collectOutput(child);
  const forget = onExit(() => child.kill("SIGKILL"));
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  }).then(() => {
    hasEnded = true;
    forget();
  });
  const close = (): Promise<void> => endProcess(child, ended, clock);
  const deadlineMs = clock.nowMs() + startTimeoutMs;
  while (!hasEnded && clock.nowMs() < deadlineMs) {
    const addresses = await readAddresses(addressFile).catch(() => undefined);
    if (addresses !== undefined) return { ...addresses, ended, close };
    await sleep(clock, 25);
  }
  await close();
  throw new Error(`Cannot start Envoy "${binary}": ${output().trim() || "it does not come up"}`);
}

function collectOutput(child: ChildProcess): () => string {
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  child.once("error", (error) => collect(Buffer.from(error.message)));
  return () => output;
}

/** The addresses Envoy listens on, once it is live; rejects before. */
async function readAddresses(addressFile: string): Promise<{ listener: SocketAddress; admin: SocketAddress }> {
  const admin = parseAddress((await readFile(addressFile, "utf8")).trim());
  if ((await ask(admin, "/ready")).status !== 200) throw new Error("not ready");
  const listeners = JSON.parse((await ask(admin, "/listeners?format=json")).body) as ListenersPage;
  const address = listeners.listener_statuses[0]?.local_address.socket_address;
  if (address === undefined) throw new Error("no listener");
  return { listener: { host: address.address, port: address.port_value }, admin };
}

interface ListenersPage {
  readonly listener_statuses: readonly {
    readonly local_address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
  }[];
}

function parseAddress(text: string): SocketAddress {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}
