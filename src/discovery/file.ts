import type { EndpointStore } from "../datastore/store.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { type EndpointEntry, isHostName, readEndpoints, specOf } from "./endpoints-file.ts";
import { HostResolver, type Resolve, systemResolve } from "./host-resolver.ts";
import { PolledFile, UnusableFileError } from "../lib/polled-file.ts";

/** What came of a changed file. `rejected`: the last good content stays in force. */
export type ReloadOutcome =
  | { readonly kind: "ok"; readonly endpoints: number }
  | { readonly kind: "rejected"; readonly message: string };

const what = "endpoints file";

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

const resolveMs = 30_000;
const retryUnresolvedMs = 5_000;
const startResolveMs = 5_000;

/**
 * Fills the store from an endpoints file and keeps it so. The content is read every second, which sees every way of
 * replacing a file, also the swapped links of a ConfigMap; host names are resolved every 30 s. Resolves when the
 * endpoints are in the store, those with slow host names after at most 5 s without them. Rejects when the file cannot be
 * read or used: an `UnusableFileError` for its content.
 */
export async function startFileDiscovery(options: FileDiscoveryOptions): Promise<FileDiscovery> {
  const discovery = new EndpointsFileDiscovery(options);
  await discovery.start();
  return { close: () => discovery.close() };
}

class EndpointsFileDiscovery {
  readonly #options: FileDiscoveryOptions;
  readonly #file: PolledFile;
  readonly #resolver: HostResolver;
  #entries: readonly EndpointEntry[] = [];
  #isClosed = false;
  #cancelResolve: () => void = () => {};

  constructor(options: FileDiscoveryOptions) {
    const { path, clock, onReload, onUnresolved } = options;
    this.#options = options;
    this.#file = new PolledFile({
      what,
      path,
      clock,
      take: (text) => this.#take(text),
      onTaken: () => this.#onTaken(),
      onRejected: (message) => onReload({ kind: "rejected", message }),
    });
    this.#resolver = new HostResolver(options.resolve ?? systemResolve, (host, message) => {
      if (!this.#isClosed) onUnresolved?.(host, message);
    });
  }

  async start(): Promise<void> {
    const { clock } = this.#options;
    await this.#file.read();
    const waiting = new AbortController();
    const resolved = this.#resolver.refresh(this.#hostNames()).then(() => {
      waiting.abort();
      this.#apply();
    });
    await Promise.race([resolved, sleep(clock, startResolveMs, waiting.signal)]);
    this.#apply();
    this.#file.watch();
    this.#scheduleResolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#file.close();
    this.#cancelResolve();
  }

  /** Takes over the entries of a text; throws when it cannot be used. */
  #take(text: string): void {
    const { path } = this.#options;
    const file = readEndpoints(text, path);
    if (file.kind === "invalid") throw new UnusableFileError(what, path, file.problems);
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

  #onTaken(): void {
    this.#apply();
    this.#options.onReload({ kind: "ok", endpoints: this.#entries.length });
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
