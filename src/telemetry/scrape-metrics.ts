import type { EndpointSpec } from "../datastore/endpoint.ts";
import type { Clock } from "../lib/clock.ts";
import type { ScrapeFailure } from "../scrape/failure.ts";
import type { ScrapeObserver, ScrapeResult } from "../scrape/loop.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./registry.ts";
import { SeldomLog } from "./seldom-log.ts";

/** Counts scrapes, and logs failures without flooding: one line an endpoint and minute, whatever fails and how often. */
export class ScrapeMetrics implements ScrapeObserver {
  readonly #metrics: MetricsRegistry["metrics"];
  readonly #logger: Logger;
  readonly #seldom: SeldomLog;
  #isStretchLogged = false;

  constructor(registry: MetricsRegistry, logger: Logger, clock: Clock) {
    this.#metrics = registry.metrics;
    this.#logger = logger;
    this.#seldom = new SeldomLog(clock);
  }

  scraped(endpoint: EndpointSpec, result: ScrapeResult): void {
    this.#metrics.scrapeDuration.observe(result.durationMs / 1000);
    if (result.rejectedLines > 0) this.#metrics.rejectedLines.inc(result.rejectedLines);
    if (result.missing.length === 0) return;
    for (const signal of result.missing) this.#metrics.missingFamilies.inc({ signal });
    const data = { endpoint: endpoint.id, address: endpoint.address, signals: result.missing };
    this.#seldom.about(endpoint.id, () => {
      this.#logger.warn(data, "Metrics page lacks families, their last values stay");
    });
  }

  failed(endpoint: EndpointSpec, reason: ScrapeFailure, detail: string): void {
    this.#metrics.scrapeFailures.inc({ reason });
    this.#metrics.pollErrors.inc({ source_type: "metrics-data-source" });
    const data = { endpoint: endpoint.id, address: endpoint.address, reason, detail };
    this.#seldom.about(endpoint.id, () => this.#logger.warn(data, "Cannot scrape metrics, the last values stay"));
  }

  /** Takes note of the time between two scrapes of an endpoint; logs once that it is longer than wanted. */
  paced(intervalMs: number, wantedMs: number): void {
    this.#metrics.scrapeInterval.set(intervalMs / 1000);
    if (intervalMs <= wantedMs || this.#isStretchLogged) return;
    this.#isStretchLogged = true;
    const data = { intervalMs: Math.round(intervalMs), wantedMs };
    this.#logger.warn(data, "Scraping less often than wanted: the pool would take more than a quarter of a core");
  }

  /** The endpoint left: its failures may be logged anew when it comes back. */
  forget(endpoint: EndpointSpec): void {
    this.#seldom.forget(endpoint.id);
  }
}
