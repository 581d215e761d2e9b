import { readFile, stat } from "node:fs/promises";
import type { EndpointStore } from "../datastore/store.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { formatProblems, type Problem } from "../lib/document.ts";
import { type EndpointEntry, isHostName, maxFileBytes, readEndpoints, specOf } from "./endpoints-file.ts";
import { HostResolver, type Resolve, systemResolve } from "./host-resolver.ts";

/** What came of a changed file. `rejected`: the last good content stays in force. */
export type ReloadOutcome =
  | { readonly kind: "ok"; readonly endpoints: number }
  | { readonly kind: "rejected"; readonly message: string };

/** What file discovery needs. */
export interface FileDiscoveryOptions {
  readonly path: string;
  readonly store: EndpointStore;
  readonly clock: Clock;
  /** Told of every change of the file after the start, and once of each lasting failure to read it. */
  readonly onReload: (outcome: ReloadOutcome) => void;
  /** Told of every failed attempt to resolve a host name; the endpoint keeps its address, or stays out of the pool. */
  readonly onUnresolved?: (host: string, message: string) => void;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
}

/** Running discovery. */
export interface FileDiscovery {
  /** Stops watching; the store keeps what it has. */
  readonly close: () => void;
}

/** An endpoints file that cannot be used, with everything that is wrong with it. */
export class EndpointsFileError extends Error {
  override readonly name = "EndpointsFileError";
  readonly problems: readonly Problem[];

  constructor(path: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(`Cannot use endpoints file "${path}": ${count}\n${formatProblems(problems)}`);
    this.problems = problems;
  }
}

const pollMs = 1_000;
const resolveMs = 30_000;
const retryUnresolvedMs = 5_000;
const startResolveMs = 5_000;

/**
 * Fills the store from an endpoints file and keeps it so. The content is read every second, which sees every way of
 * replacing a file, also the swapped links of a ConfigMap; host names are resolved every 30 s. Resolves when the
 * endpoints are in the store, those with slow host names after at most 5 s without them. Rejects when the file cannot be
 * read or used: an `EndpointsFileError` for its content.
 */
export async function startFileDiscovery(options: FileDiscoveryOptions): Promise<FileDiscovery> {
  const watch = new FileWatch(options);
  await watch.start();
  return { close: () => watch.close() };
}

class FileWatch {
  readonly #options: FileDiscoveryOptions;
  readonly #resolver: HostResolver;
  #entries: readonly EndpointEntry[] = [];
  /** Content, or failure to read it, that was dealt with last. */
  #seen = "";
  #isClosed = false;
  #cancelPoll: () => void = () => {};
  #cancelResolve: () => void = () => {};

  constructor(options: FileDiscoveryOptions) {
    this.#options = options;
    this.#resolver = new HostResolver(options.resolve ?? systemResolve, (host, message) => {
      if (!this.#isClosed) options.onUnresolved?.(host, message);
    });
  }

  async start(): Promise<void> {
    const { clock, path } = this.#options;
    const text = await readText(path);
    this.#seen = text;
    this.#take(text);
    const waiting = new AbortController();
    const resolved = this.#resolver.refresh(this.#hostNames()).then(() => {
      waiting.abort();
      this.#apply();
    });
    await Promise.race([resolved, sleep(clock, startResolveMs, waiting.signal)]);
    this.#apply();
    this.#schedulePoll();
    this.#scheduleResolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPoll();
    this.#cancelResolve();
  }

  /** Takes over the entries of a text; throws when it cannot be used. */
  #take(text: string): void {
    const { path } = this.#options;
    const file = readEndpoints(text, path);
    if (file.kind === "invalid") throw new EndpointsFileError(path, file.problems);
    this.#entries = file.entries;
    this.#resolver.keep(this.#hostNames());
  }

  #apply(): void {
    if (this.#isClosed) return;
    const specs = this.#entries.flatMap((entry) => {
      const ip = isHostName(entry.host) ? this.#resolver.addressOf(entry.host) : entry.host;
      return ip === undefined ? [] : specOf(entry, ip);
    });
    this.#options.store.reset(specs);
  }

  #hostNames(): readonly string[] {
    return [...new Set(this.#entries.map(({ host }) => host).filter(isHostName))];
  }

  #unresolved(): readonly string[] {
    return this.#hostNames().filter((host) => this.#resolver.addressOf(host) === undefined);
  }

  #schedulePoll(): void {
    this.#cancelPoll = this.#options.clock.after(pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    let seen: string;
    let failure: unknown;
    try {
      seen = await readText(this.#options.path);
    } catch (error) {
      failure = error;
      seen = String(error);
    }
    if (this.#isClosed) return;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#reload(seen, failure);
    }
    this.#schedulePoll();
  }

  #reload(text: string, failure: unknown): void {
    const { onReload } = this.#options;
    try {
      if (failure !== undefined) throw failure;
      this.#take(text);
    } catch (error) {
      return onReload({ kind: "rejected", message: error instanceof Error ? error.message : String(error) });
    }
    this.#apply();
    onReload({ kind: "ok", endpoints: this.#entries.length });
    const unresolved = this.#unresolved();
    if (unresolved.length > 0) void this.#resolver.refresh(unresolved).then(() => this.#apply());
  }

  #scheduleResolve(): void {
    const delayMs = this.#unresolved().length > 0 ? retryUnresolvedMs : resolveMs;
    this.#cancelResolve = this.#options.clock.after(delayMs, () => void this.#resolveAgain());
  }

  async #resolveAgain(): Promise<void> {
    await this.#resolver.refresh(this.#hostNames());
    if (this.#isClosed) return;
    this.#apply();
    this.#scheduleResolve();
  }
}

/** The text of the file; rejects with a message that names it when it cannot be read, is too long or not UTF-8. */
async function readText(path: string): Promise<string> {
  const fail = (found: string, expected: string, cause?: unknown): never => {
    throw new Error(`Cannot read endpoints file "${path}": ${found}, expected ${expected}`, { cause });
  };
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) fail(`${size} bytes`, `at most ${maxFileBytes}`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const isText = error.code !== "ERR_ENCODING_INVALID_ENCODED_DATA";
    return fail(isText ? error.message : "bytes that are not UTF-8", isText ? "a readable file" : "UTF-8 text", error);
  }
}
