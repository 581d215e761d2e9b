import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import type { ScrapeFailure } from "../scrape/failure.ts";
import type { ScrapeObserver, ScrapeResult } from "../scrape/loop.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";

/** One log line an endpoint and reason in this time, however often it fails. */
const logIntervalMs = 60_000;

/** Counts scrapes, and logs failures without flooding. */
export class ScrapeMetrics implements ScrapeObserver {
  readonly #metrics: MetricsRegistry["metrics"];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #loggedAtMs = new Map<string, number>();

  constructor(registry: MetricsRegistry, logger: Logger, clock: Clock) {
    this.#metrics = registry.metrics;
    this.#logger = logger;
    this.#clock = clock;
  }

  scraped(endpoint: EndpointSpec, result: ScrapeResult): void {
    this.#metrics.scrapeDuration.observe(result.durationMs / 1000);
    if (result.rejectedLines > 0) this.#metrics.rejectedLines.inc(result.rejectedLines);
    if (result.missing.length === 0) return;
    for (const signal of result.missing) this.#metrics.missingFamilies.inc({ signal });
    const data = { endpoint: endpoint.id, address: endpoint.address, signals: result.missing };
    this.#logSeldom(`${endpoint.id} missing`, data, "Metrics page lacks families, their last values stay");
  }

  failed(endpoint: EndpointSpec, reason: ScrapeFailure, detail: string): void {
    this.#metrics.scrapeFailures.inc({ reason });
    this.#metrics.pollErrors.inc({ source_type: "metrics-data-source" });
    const data = { endpoint: endpoint.id, address: endpoint.address, reason, detail };
    this.#logSeldom(`${endpoint.id} ${reason}`, data, "Cannot scrape metrics, the last values stay");
  }

  /** The endpoint left: its failures may be logged anew when it comes back. */
  forget(endpoint: EndpointSpec): void {
    for (const key of this.#loggedAtMs.keys()) if (key.startsWith(`${endpoint.id} `)) this.#loggedAtMs.delete(key);
  }

  #logSeldom(key: string, data: object, message: string): void {
    const nowMs = this.#clock.nowMs();
    const lastMs = this.#loggedAtMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < logIntervalMs) return;
    this.#loggedAtMs.set(key, nowMs);
    this.#logger.warn(data, message);
  }
}
