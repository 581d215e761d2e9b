import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { ContactOutcome, EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { DeadlineSweep } from "./deadline-sweep.ts";
import type { ScrapeFailure } from "./failure.ts";
import { type FailedFetch, PageFetcher } from "./fetch.ts";
import { type ModelServerMetrics, vllm } from "./model-servers.ts";
import { Pace } from "./pace.ts";
import { createPageParser, type PageParser, type SignalName } from "./parse.ts";
import type { ScrapeSource } from "./source.ts";

/** What one scrape that succeeded did. */
export interface ScrapeResult {
  /** From asking to applied values. */
  readonly durationMs: number;
  readonly bytes: number;
  /** Signals the page should have had. */
  readonly missing: readonly SignalName[];
  readonly rejectedLines: number;
}

/** Told of every scrape; called on the hot path, so it should only count. */
export interface ScrapeObserver {
  scraped(endpoint: EndpointSpec, result: ScrapeResult): void;
  /** `detail` is for a log line; it may hold text of the endpoint's answer, at most 200 characters. */
  failed(endpoint: EndpointSpec, reason: ScrapeFailure, detail: string): void;
}

/** What scraping needs. */
export interface ScrapeOptions {
  readonly store: EndpointStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: ScrapeObserver;
  /** Told of the time between two scrapes of an endpoint when it has moved by more than 1 %; above `wantedMs` it is stretched. */
  readonly onPace?: (intervalMs: number, wantedMs: number) => void;
  /** Time from one scrape of an endpoint to the next, as long as a quarter of one core is enough for it; default 50. */
  readonly intervalMs?: number;
  /** Default: `/metrics` on each endpoint's own port, over HTTP. */
  readonly source?: ScrapeSource;
  /** Time for one scrape; default 1000. */
  readonly deadlineMs?: number;
  /** Which metrics an endpoint's page has; default vLLM's for all. */
  readonly metricsOf?: (endpoint: EndpointSpec) => ModelServerMetrics;
}

/** Running scrapes. */
export interface Scraping {
  /**
   * Lets go of every connection, and asks for no page until `resume`; what is under way is dropped, without a report. Returns
   * how many connections that were at most.
   */
  pause(): number;
  /** Goes on, every endpoint at a random moment of the next interval. Does nothing unless paused. */
  resume(): void;
  /** Stops all scraping; resolves when the sockets are gone. No sample is put after the call. */
  close(): Promise<void>;
}

/** What a failure says about the serving port (DESIGN ruling "dead is not silent"). */
const contactOf: Readonly<Record<ScrapeFailure, ContactOutcome>> = {
  timeout: "unclear",
  "connect-refused": "refused",
  "connect-reset": "refused",
  status: "answered",
  encoding: "answered",
  "too-large": "answered",
  truncated: "answered",
  malformed: "answered",
  "tls-expired": "unclear",
  "tls-name": "unclear",
  "tls-untrusted": "unclear",
  "tls-plaintext": "unclear",
  "tls-version": "unclear",
  tls: "unclear",
  other: "unclear",
};

/**
 * Scrapes every endpoint of the pool, and only those, every `intervalMs`, less often when the pool is too large for that
 * (see Pace): the first time at a random moment of the first interval, one scrape in flight per endpoint. A scrape that
 * takes longer than an interval skips the moments it missed. A failure keeps the old values, whose age grows.
 */
export function startScraping(options: ScrapeOptions): Scraping {
  const { store } = options;
  const scrapes = new Scrapes(options);
  // All are there before the first is started, so that first scrapes spread over the interval that will hold.
  for (const endpoint of store.snapshot()) scrapes.add(endpoint);
  for (const target of scrapes.targets.values()) target.start();
  const start = (spec: EndpointSpec): void => scrapes.add(spec).start();
  const stop = ({ id }: EndpointSpec): void => {
    void scrapes.targets.get(id)?.close();
    scrapes.targets.delete(id);
  };
  const ends = [store.onAdded(start), store.onRemoved(stop)];
  return {
    pause: () => scrapes.pause(),
    resume: () => scrapes.resume(),
    close: async () => {
      for (const end of ends) end();
      await Promise.all(Array.from(scrapes.targets.values(), (target) => target.close()));
      scrapes.targets.clear();
    },
  };
}

/** The targets of a pool and what they share. */
class Scrapes {
  readonly options: ScrapeOptions;
  readonly targets = new Map<string, Target>();
  readonly sweep: DeadlineSweep;
  readonly pace: Pace;
  readonly #wantedMs: number;
  #reportedMs = 0;
  #isPaused = false;

  constructor(options: ScrapeOptions) {
    this.options = options;
    this.sweep = new DeadlineSweep(options.clock);
    this.#wantedMs = options.intervalMs ?? 50;
    this.pace = new Pace(this.#wantedMs);
  }

  add(spec: EndpointSpec): Target {
    const target = new Target(spec, this);
    this.targets.set(spec.id, target);
    return target;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): number {
    this.#isPaused = true;
    for (const target of this.targets.values()) target.pause();
    return this.targets.size;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const target of this.targets.values()) target.start();
  }

  /** The interval that holds now. */
  intervalMs(): number {
    const intervalMs = this.pace.intervalMs(this.targets.size);
    if (Math.abs(intervalMs - this.#reportedMs) > this.#reportedMs / 100) {
      this.#reportedMs = intervalMs;
      this.options.onPace?.(intervalMs, this.#wantedMs);
    }
    return intervalMs;
  }
}

/** The scrapes of one incarnation of an endpoint. */
class Target {
  readonly #id: string;
  readonly #incarnation: string;
  readonly #scrapes: Scrapes;
  readonly #fetcher: PageFetcher;
  /** Pages come from the port that serves, so failing to reach it says something about the endpoint. */
  readonly #isServingPort: boolean;
  #metrics: ModelServerMetrics | undefined;
  #parse: PageParser | undefined;
  #dueMs = 0;
  #cancel: () => void = () => {};
  /** Goes up when the target stops: a scrape that began before is over then. */
  #round = 0;

  constructor({ id, incarnation, host, port }: EndpointSpec, scrapes: Scrapes) {
    const { deadlineMs = 1000, source } = scrapes.options;
    this.#id = id;
    this.#incarnation = incarnation;
    this.#scrapes = scrapes;
    const metricsPort = source?.port ?? port;
    this.#isServingPort = metricsPort === port;
    const { path = "/metrics", tls } = source ?? {};
    this.#fetcher = new PageFetcher({ host, port: metricsPort, path, tls, sweep: scrapes.sweep, deadlineMs });
  }

  start(): void {
    if (this.#scrapes.isPaused) return;
    const { clock, random } = this.#scrapes.options;
    this.#dueMs = clock.nowMs() + random() * this.#scrapes.intervalMs();
    this.#schedule();
  }

  /** Until the next start. */
  pause(): void {
    void this.close();
  }

  async close(): Promise<void> {
    this.#round++;
    this.#cancel();
    await this.#fetcher.close();
  }

  #schedule(): void {
    const { clock } = this.#scrapes.options;
    this.#cancel = clock.after(this.#dueMs - clock.nowMs(), () => void this.#scrape());
  }

  async #scrape(): Promise<void> {
    const { store, clock } = this.#scrapes.options;
    const startedAtMs = clock.nowMs();
    store.announceSample(this.#id, this.#incarnation, startedAtMs);
    const spec = store.find(this.#id, this.#incarnation);
    if (spec === undefined) return;
    const round = this.#round;
    const page = await this.#fetcher.fetch(this.#parserFor(spec));
    if (round !== this.#round) return;
    this.#apply(page, spec, startedAtMs);
    const intervalMs = this.#scrapes.intervalMs();
    const missed = Math.floor((clock.nowMs() - this.#dueMs) / intervalMs);
    this.#dueMs += (Math.max(0, missed) + 1) * intervalMs;
    this.#schedule();
  }

  #apply(page: ReturnType<PageParser> | FailedFetch, spec: EndpointSpec, startedAtMs: number): void {
    const { store, clock, observer } = this.#scrapes.options;
    if (page.kind === "page") {
      const { signals, bytes, missing, rejectedLines } = page;
      store.putSample(this.#id, this.#incarnation, { ...signals, sampledAtMs: startedAtMs });
      this.#putContact("answered");
      observer.scraped(spec, { durationMs: clock.nowMs() - startedAtMs, bytes, missing, rejectedLines });
      return;
    }
    const reason = page.kind === "failed" ? page.reason : page.kind;
    this.#putContact(contactOf[reason]);
    observer.failed(spec, reason, page.detail);
  }

  #putContact(outcome: ContactOutcome): void {
    if (this.#isServingPort) this.#scrapes.options.store.putContact(this.#id, this.#incarnation, outcome);
  }

  #parserFor(spec: EndpointSpec): PageParser {
    const { metricsOf, clock } = this.#scrapes.options;
    const metrics = metricsOf?.(spec) ?? vllm;
    if (this.#parse === undefined || this.#metrics !== metrics) {
      const parse = createPageParser(metrics);
      this.#parse = (page) => {
        const startMs = clock.nowMs();
        const reading = parse(page);
        this.#scrapes.pace.note(clock.nowMs() - startMs);
        return reading;
      };
    }
    this.#metrics = metrics;
    return this.#parse;
  }
}
