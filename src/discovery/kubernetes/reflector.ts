import { Backoff } from "../../lib/backoff.ts";
import { type Clock, sleep } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { ApiServer } from "./api-server.ts";
import { type KnownObject, KnownObjects } from "./known-objects.ts";
import { listPages } from "./list-pages.ts";
import type { ObjectSink } from "./object-sink.ts";
import { type FaultReason, faultOfConnection, faultOfStatus, ReflectorFault } from "./reflector-fault.ts";
import type { ReflectorObserver } from "./reflector-observer.ts";
import { readWatchEvent } from "./watch-event.ts";

/** Times of a reflector, all in milliseconds but the server's. */
export interface ReflectorTimes {
  /** The server ends a watch after a time within these bounds, in whole seconds, by chance. */
  readonly watchSeconds: readonly [min: number, max: number];
  /** How much longer than that the client waits before it ends a watch itself. */
  readonly watchdogMs: number;
  /** A watch that ends by itself sooner than this counts as failed. */
  readonly shortWatchMs: number;
  /** Bounds of the waits between attempts. */
  readonly backoffMs: readonly [min: number, max: number];
  /** A watch of this length makes the next wait the shortest again. */
  readonly healthyMs: number;
  /** Longest wait for one page of a list. */
  readonly pageTimeoutMs: number;
  /** Time between two checks for changes that were missed. */
  readonly driftCheckMs: number;
  /** For how long the API server must say that a resource does not exist before its objects are taken to be gone. */
  readonly absentMs: number;
}

/** Times for a real cluster (reliability F24, F25, F31). */
export const defaultReflectorTimes: ReflectorTimes = {
  watchSeconds: [30, 60],
  watchdogMs: 5_000,
  shortWatchMs: 1_000,
  backoffMs: [200, 10_000],
  healthyMs: 30_000,
  pageTimeoutMs: 10_000,
  driftCheckMs: 600_000,
  absentMs: 5_000,
};

/** What to follow and who hears of it. */
export interface ReflectorOptions<T> {
  readonly api: ApiServer;
  /** Name of the kind for the observer. */
  readonly kind: string;
  /** The collection: `/api/v1/namespaces/ns/pods`. */
  readonly path: string;
  /** `labelSelector`, `fieldSelector`; default: all objects of the collection. */
  readonly selectors?: Readonly<Record<string, string>>;
  /**
   * Keeps what is needed of an object of the API server, so that the rest can go at once. Throws for an object that cannot be
   * read: what was known of it stays.
   */
  readonly project: (object: unknown) => T;
  readonly sink: ObjectSink<T>;
  readonly observer: ReflectorObserver;
  readonly clock: Clock;
  readonly random: Random;
  /** The resource may be absent (no such CRD): that counts as synced, with no objects. Default false. */
  readonly isOptional?: boolean;
  /** Default: `defaultReflectorTimes`. */
  readonly times?: Partial<ReflectorTimes>;
}

/** A running reflector. */
export interface Reflector {
  /** Resolves with true once the sink has had its first `reset`, with false when the reflector was closed before. */
  readonly synced: Promise<boolean>;
  /** Ends everything; the sink is not called any more and keeps what it has. */
  close(): void;
}

/**
 * Keeps a sink equal to a collection of the API server: lists it, watches it, and does so for as long as the process lives.
 * Every failure is told, waited out and repaired; what was known stays meanwhile (reliability F24 to F37). `sink.reset` is
 * called after every whole list, and nothing else is called in between. A kind has one watch at a time.
 */
export function startReflector<T>(options: ReflectorOptions<T>): Reflector {
  const loop = new ReflectorLoop(options);
  void loop.run();
  return { synced: loop.synced, close: () => loop.close() };
}

class ReflectorLoop<T> {
  readonly synced: Promise<boolean>;
  readonly #options: ReflectorOptions<T>;
  readonly #times: ReflectorTimes;
  readonly #known: KnownObjects<T>;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #setSynced: (isSynced: boolean) => void = () => {};
  #isSynced = false;
  /** What is known is the state at this version; empty: nothing was listed, or changes may be missing. */
  #version = "";
  #isWatching = false;
  /** The last failure was a version that the server has forgotten. */
  #wasGone = false;
  /** Ends the watch in progress. */
  #endWatch: () => void = () => {};
  /** When the API server first said that the resource is absent, if it did so last. */
  #absentSinceMs: number | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#times = { ...defaultReflectorTimes, ...options.times };
    const { sink, project, random } = options;
    this.#known = new KnownObjects(sink, project, (detail) => this.#tell("unreadable-object", detail));
    const [minMs, maxMs] = this.#times.backoffMs;
    this.#backoff = new Backoff({ minMs, maxMs, random });
    this.synced = new Promise((resolve) => {
      this.#setSynced = resolve;
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#closing;
    void this.#checkDrift();
    while (!signal.aborted) {
      try {
        if (this.#version === "") await this.#list();
        await this.#watch();
        this.#wasGone = false;
      } catch (error) {
        if (signal.aborted) return;
        const reason = this.#settle(error);
        // The server is there and only wants a list; but not twice in a row without a pause.
        const isFirstGone = reason === "gone" && !this.#wasGone;
        this.#wasGone = reason === "gone";
        if (!isFirstGone) await sleep(this.#options.clock, this.#backoff.nextMs(), signal);
      }
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#setSynced(false);
    this.#options.observer.closed(this.#options.kind);
  }

  async #list(): Promise<void> {
    const objects = new Map<string, KnownObject<T>>();
    const version = await this.#listAll(this.#options.selectors ?? {}, objects);
    if (this.#closing.signal.aborted) return;
    this.#version = version;
    this.#absentSinceMs = undefined;
    this.#replace(objects);
  }

  #listAll(query: Readonly<Record<string, string>>, into: Map<string, KnownObject<T>>): Promise<string> {
    const { api, path } = this.#options;
    const { pageTimeoutMs } = this.#times;
    return listPages(api, { path, query, pageTimeoutMs, signal: this.#closing.signal }, (item) => {
      const object = this.#known.read(item);
      if (object !== undefined) into.set(object.key, object);
    });
  }

  #replace(objects: Map<string, KnownObject<T>>): void {
    const { observer, kind } = this.#options;
    this.#known.replace(objects);
    observer.listed(kind, objects.size);
    this.#hear();
    this.#isSynced = true;
    this.#setSynced(true);
  }

  async #watch(): Promise<void> {
    const { clock, observer, kind } = this.#options;
    // The sink may have closed the reflector.
    if (this.#closing.signal.aborted) return;
    const { watchdogMs, healthyMs, shortWatchMs } = this.#times;
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const seconds = this.#drawSeconds();
    let isOverdue = false;
    const cancelWatchdog = clock.after(seconds * 1000 + watchdogMs, () => {
      isOverdue = true;
      end();
    });
    this.#closing.signal.addEventListener("abort", end, { once: true });
    this.#endWatch = end;
    let sinceMs = clock.nowMs();
    try {
      const lines = await this.#openWatch(seconds, ending.signal);
      sinceMs = clock.nowMs();
      this.#isWatching = true;
      observer.watching(kind);
      this.#hear();
      for await (const line of lines) if (!ending.signal.aborted) this.#take(line);
      if (clock.nowMs() - sinceMs < shortWatchMs)
        throw new ReflectorFault("short-watch", "watch: ended at once", false);
    } catch (error) {
      if (isOverdue)
        throw new ReflectorFault("watchdog", `watch: found no end after ${seconds} s and ${watchdogMs} ms`);
      // Ended from here, since all is to be listed anew.
      if (!ending.signal.aborted || this.#closing.signal.aborted) throw error;
    } finally {
      cancelWatchdog();
      this.#closing.signal.removeEventListener("abort", end);
      this.#endWatch = () => {};
      this.#isWatching = false;
      if (clock.nowMs() - sinceMs >= healthyMs) this.#backoff.reset();
    }
  }

  async #openWatch(seconds: number, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const { api, path, selectors } = this.#options;
    const query = {
      ...selectors,
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.#version,
      timeoutSeconds: `${seconds}`,
    };
    const { status, lines } = await api.watch({ path, query, signal });
    if (status !== 200) throw faultOfStatus("watch", { status, body: undefined });
    return lines;
  }

  /** A whole number of seconds within the bounds, so that many pickers do not come at once. */
  #drawSeconds(): number {
    const [min, max] = this.#times.watchSeconds;
    return min + Math.floor(this.#options.random() * (max - min + 1));
  }

  #take(line: string): void {
    const { type, object, resourceVersion } = readWatchEvent(line);
    const changed = type === "BOOKMARK" ? undefined : this.#known.read(object);
    if (changed !== undefined && type === "DELETED") this.#known.remove(changed);
    else if (changed !== undefined) this.#known.upsert(changed);
    this.#version = resourceVersion;
    this.#hear();
  }

  /** Every ten minutes: is what is known what the API server had at that version? The watch goes on meanwhile. */
  async #checkDrift(): Promise<void> {
    const { clock, random, observer, kind, selectors } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await sleep(clock, this.#times.driftCheckMs * (0.9 + 0.2 * random()), signal);
      if (signal.aborted) return;
      if (!this.#isWatching) continue;
      const base = this.#known.copy();
      const query = { ...selectors, resourceVersion: this.#version, resourceVersionMatch: "Exact" };
      const actual = new Map<string, KnownObject<T>>();
      try {
        await this.#listAll(query, actual);
        if (signal.aborted) return;
        const drift = this.#known.repair(base, actual);
        if (drift > 0) observer.drifted(kind, drift);
      } catch (error) {
        if (signal.aborted) return;
        this.#settle(error);
        if (this.#version === "") this.#endWatch();
      }
    }
  }

  /** Tells of a failure and decides what it means for what is known. Returns its reason. */
  #settle(error: unknown): FaultReason {
    const fault = error instanceof ReflectorFault ? error : faultOfConnection(error);
    this.#tell(fault.reason, fault.message);
    if (fault.needsList) this.#version = "";
    if (fault.reason === "unauthorized") this.#options.api.renewCredentials?.();
    if (fault.reason === "absent") this.#settleAbsence();
    else this.#absentSinceMs = undefined;
    return fault.reason;
  }

  /** A resource that is absent has no objects, but an API server that starts may not know of it yet. */
  #settleAbsence(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#absentSinceMs ??= nowMs;
    const isCertain = nowMs - this.#absentSinceMs >= this.#times.absentMs;
    const isNews = this.#known.size > 0 ? isCertain : this.#options.isOptional === true && !this.#isSynced;
    if (isNews) this.#replace(new Map());
  }

  #hear(): void {
    this.#options.observer.heard(this.#options.kind, this.#known.size);
  }

  #tell(reason: FaultReason, detail: string): void {
    this.#options.observer.failed(this.#options.kind, reason, detail);
  }
}
