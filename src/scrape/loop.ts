import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { ContactOutcome, EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { DeadlineSweep } from "./deadline-sweep.ts";
import type { ScrapeFailure } from "./failure.ts";
import { PageFetcher } from "./fetch.ts";
import { type ModelServerMetrics, vllm } from "./model-servers.ts";
import { createPageParser, type PageParser, type SignalName } from "./parse.ts";

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
  /** Time from one scrape of an endpoint to the next; default 50. */
  readonly intervalMs?: number;
  /** Time for one scrape; default 1000. */
  readonly deadlineMs?: number;
  /** Which metrics an endpoint's page has; default vLLM's for all. */
  readonly metricsOf?: (endpoint: EndpointSpec) => ModelServerMetrics;
}

/** Running scrapes. */
export interface Scraping {
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
  tls: "unclear",
  other: "unclear",
};

/**
 * Scrapes every endpoint of the pool, and only those, every `intervalMs`: the first time at a random moment of the
 * first interval, one scrape in flight per endpoint. A scrape that takes longer than an interval skips the moments it
 * missed. A failure keeps the old values, whose age grows.
 */
export function startScraping(options: ScrapeOptions): Scraping {
  const { store, clock } = options;
  const sweep = new DeadlineSweep(clock);
  const targets = new Map<string, Target>();
  const start = (spec: EndpointSpec): void => {
    const target = new Target(spec, options, sweep);
    targets.set(spec.id, target);
    target.start();
  };
  const stop = ({ id }: EndpointSpec): void => {
    void targets.get(id)?.close();
    targets.delete(id);
  };
  for (const endpoint of store.snapshot()) start(endpoint);
  const ends = [store.onAdded(start), store.onRemoved(stop)];
  return {
    close: async () => {
      for (const end of ends) end();
      await Promise.all(Array.from(targets.values(), (target) => target.close()));
      targets.clear();
    },
  };
}

/** The scrapes of one incarnation of an endpoint. */
class Target {
  readonly #id: string;
  readonly #incarnation: string;
  readonly #options: ScrapeOptions;
  readonly #fetcher: PageFetcher;
  readonly #intervalMs: number;
  #metrics: ModelServerMetrics | undefined;
  #parse: PageParser | undefined;
  #dueMs = 0;
  #cancel: () => void = () => {};
  #isClosed = false;

  constructor({ id, incarnation, host, port }: EndpointSpec, options: ScrapeOptions, sweep: DeadlineSweep) {
    const { deadlineMs = 1000, intervalMs = 50 } = options;
    this.#id = id;
    this.#incarnation = incarnation;
    this.#options = options;
    this.#intervalMs = intervalMs;
    this.#fetcher = new PageFetcher({ host, port, sweep, deadlineMs });
  }

  start(): void {
    const { clock, random } = this.#options;
    this.#dueMs = clock.nowMs() + random() * this.#intervalMs;
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#fetcher.close();
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancel = clock.after(this.#dueMs - clock.nowMs(), () => void this.#scrape());
  }

  async #scrape(): Promise<void> {
    const { store, clock, observer } = this.#options;
    const startedAtMs = clock.nowMs();
    store.announceSample(this.#id, this.#incarnation, startedAtMs);
    const spec = store.find(this.#id, this.#incarnation);
    if (spec === undefined) return;
    const page = await this.#fetcher.fetch(this.#parserFor(spec));
    if (this.#isClosed) return;
    if (page.kind === "page") {
      const { signals, bytes, missing, rejectedLines } = page;
      store.putSample(this.#id, this.#incarnation, { ...signals, sampledAtMs: startedAtMs });
      store.putContact(this.#id, this.#incarnation, "answered");
      observer.scraped(spec, { durationMs: clock.nowMs() - startedAtMs, bytes, missing, rejectedLines });
    } else {
      const reason = page.kind === "failed" ? page.reason : page.kind;
      store.putContact(this.#id, this.#incarnation, contactOf[reason]);
      observer.failed(spec, reason, page.detail);
    }
    const missed = Math.floor((clock.nowMs() - this.#dueMs) / this.#intervalMs);
    this.#dueMs += (Math.max(0, missed) + 1) * this.#intervalMs;
    this.#schedule();
  }

  #parserFor(spec: EndpointSpec): PageParser {
    const metrics = this.#options.metricsOf?.(spec) ?? vllm;
    if (this.#parse === undefined || this.#metrics !== metrics) this.#parse = createPageParser(metrics);
    this.#metrics = metrics;
    return this.#parse;
  }
}
