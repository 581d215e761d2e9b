import { isDeepStrictEqual } from "node:util";
import type { MetricsConfig } from "../config/metrics-plugins.ts";
import type { EndpointStore } from "../datastore/store.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { createEngines } from "../scrape/engines.ts";
import { watchFirstRound } from "../scrape/first-round.ts";
import { type Scraping, startScraping } from "../scrape/loop.ts";
import { openSource, scrapeIntervalMs } from "../scrape/source.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { ScrapeMetrics } from "../telemetry/scrape-metrics.ts";

/** What scraping takes from the rooms around it. */
export interface ScrapingRooms {
  readonly store: EndpointStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
  /** Time between two scrapes of an endpoint, where the config says nothing else. */
  readonly intervalMs: number;
}

/** Scraping as a config says, until another config says otherwise. */
export class ConfiguredScraping implements Scraping {
  readonly #rooms: ScrapingRooms;
  readonly #observer: ScrapeMetrics;
  readonly #round: ReturnType<typeof watchFirstRound>;
  #config: MetricsConfig;
  #scraping: Scraping;
  #isPaused = false;
  /** Ends of what was replaced. */
  readonly #ending = new Set<Promise<void>>();

  /** Starts scraping; throws when a file that the config names cannot be used. */
  constructor(config: MetricsConfig, rooms: ScrapingRooms) {
    const { store, clock, registry, logger } = rooms;
    this.#rooms = rooms;
    this.#config = config;
    this.#observer = new ScrapeMetrics(registry, logger, clock);
    store.onRemoved((spec) => this.#observer.forget(spec));
    this.#round = watchFirstRound(store, clock, this.#observer);
    this.#scraping = this.#start(config);
  }

  /** Resolves when it makes sense to send traffic to the endpoints that are there now (reliability F38). To be called once. */
  firstRound(): Promise<void> {
    return this.#round.wait();
  }

  /** Scrapes as another config says from now on; samples stay. Throws, changing nothing, when a file cannot be used. */
  reconfigure(config: MetricsConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    const next = this.#start(config);
    if (this.#isPaused) next.pause();
    const ending = this.#scraping.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    this.#config = config;
    this.#scraping = next;
  }

  pause(): number {
    this.#isPaused = true;
    return this.#scraping.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#scraping.resume();
  }

  async close(): Promise<void> {
    this.#round.close();
    await Promise.all([this.#scraping.close(), ...this.#ending]);
  }

  #start(config: MetricsConfig): Scraping {
    const { store, clock, random, logger, intervalMs } = this.#rooms;
    const engines = createEngines(config);
    const scraping = startScraping({
      store,
      clock,
      random,
      intervalMs: scrapeIntervalMs(intervalMs, config.source.interval),
      source: openSource(config.source),
      metricsOf: engines.of,
      observer: this.#round.observer,
      onPace: (pacedMs, wantedMs) => this.#observer.paced(pacedMs, wantedMs),
    });
    logger.info({ default: config.defaultEngine, engines: [...engines.byName.values()] }, "Reading metrics");
    return scraping;
  }
}
