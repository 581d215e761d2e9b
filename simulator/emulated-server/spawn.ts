import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EmulatedEndpoint } from "./endpoint-server.ts";
import type { EmulatedServersSpec } from "./pool.ts";
import type { EndpointReport, FromPoolProcess, ToPoolProcess } from "./process-messages.ts";

/** Emulated servers in a process of their own. */
export interface SpawnedPool {
  readonly endpoints: readonly EmulatedEndpoint[];
  /** For who measures the process from outside. */
  readonly pid: number;
  /** Load and totals of every endpoint, in order; rejects when the process has ended. */
  stats(): Promise<readonly EndpointReport[]>;
  /** Resolves, never rejects, when the process has ended for whatever reason. */
  readonly ended: Promise<void>;
  /** Ends the process; resolves when it has ended. */
  close(): Promise<void>;
}

/**
 * Starts emulated servers in a child process, which ends with this one. `seed` drives ids and failures, default 1. Rejects
 * when they cannot start, with nothing left behind. Works from TypeScript sources (the loader flags are passed on) and from
 * compiled files.
 */
export async function spawnEmulatedPool(spec: EmulatedServersSpec & { readonly seed?: number }): Promise<SpawnedPool> {
  const { seed = 1, ...servers } = spec;
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const entry = fileURLToPath(new URL(`./process${extension}`, import.meta.url));
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith("--test") && !flag.startsWith("--inspect"));
  const child = fork(entry, [], { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  send(child, { kind: "start", spec: servers, seed });
  try {
    return new ChildPool(child, ended, await startedEndpoints(child));
  } catch (error) {
    child.kill();
    throw error;
  }
}

class ChildPool implements SpawnedPool {
  readonly endpoints: readonly EmulatedEndpoint[];
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, StatsWaiter>();
  #nextId = 1;
  #hasEnded = false;

  constructor(child: ChildProcess, ended: Promise<void>, endpoints: readonly EmulatedEndpoint[]) {
    this.#child = child;
    this.endpoints = endpoints;
    this.pid = child.pid ?? 0;
    this.ended = ended.then(() => this.#end());
    child.on("message", (message: FromPoolProcess) => this.#receive(message));
  }

  stats(): Promise<readonly EndpointReport[]> {
    if (this.#hasEnded) return Promise.reject(endedError());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      send(this.#child, { kind: "stats", id });
    });
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill();
    await this.ended;
  }

  #receive(message: FromPoolProcess): void {
    if (message.kind !== "stats") return;
    this.#pending.get(message.id)?.resolve(message.reports);
    this.#pending.delete(message.id);
  }

  #end(): void {
    this.#hasEnded = true;
    for (const waiter of this.#pending.values()) waiter.reject(endedError());
    this.#pending.clear();
  }
}

interface StatsWaiter {
  readonly resolve: (reports: readonly EndpointReport[]) => void;
  readonly reject: (error: Error) => void;
}

function endedError(): Error {
  return new Error("Cannot read emulated servers' totals: their process has ended");
}

function startedEndpoints(child: ChildProcess): Promise<readonly EmulatedEndpoint[]> {
  return new Promise((resolve, reject) => {
    child.once("message", (message: FromPoolProcess) => {
      if (message.kind === "ready") resolve(message.endpoints);
      else reject(new Error(message.kind === "failed" ? message.message : `Cannot start: ${message.kind} came first`));
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      reject(new Error(`Cannot start emulated servers: their process ended with ${signal ?? code}`));
    });
  });
}

function send(child: ChildProcess, message: ToPoolProcess): void {
  // A send fails when the child is gone, and "exit" tells that already.
  child.send(message, () => {});
}
