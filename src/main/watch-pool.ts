import type { CompiledConfig } from "../config/load.ts";
import { EndpointStore } from "../datastore/store.ts";
import { defaultHalfLife } from "../datastore/track-record.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../telemetry/logger.ts";
import { createRegistry } from "../telemetry/registry.ts";
import { ConfiguredScraping } from "./configured-scraping.ts";
import { type RecordingOptions, startRecording } from "./recording.ts";
import { discoverEndpoints } from "./watched-files.ts";

/** What a pool is watched with. */
export interface WatchPoolOptions {
  readonly endpointsFile: string;
  /** Says where metrics are and what they are called. */
  readonly config: CompiledConfig;
  readonly poolName: string;
  readonly record: RecordingOptions;
  readonly scrapeIntervalMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

/** A pool being watched. */
export interface WatchedPool {
  /** Endpoints that have shown a sample, of all there are. */
  counts(): { readonly endpoints: number; readonly seen: number };
  close(): Promise<void>;
}

/**
 * Records the metrics of a pool that any picker serves: samples alone, since nobody tells of requests. Rejects, with nothing
 * left running, when a file or the folder cannot be used.
 */
export async function watchPool(options: WatchPoolOptions): Promise<WatchedPool> {
  const {
    endpointsFile,
    config,
    poolName: pool,
    record,
    scrapeIntervalMs: intervalMs,
    logger,
    clock,
    random,
  } = options;
  const registry = createRegistry();
  const reports = { clock, registry, logger };
  const recording = await startRecording(record, { pool, source: "watch", halfLife: defaultHalfLife }, reports);
  const started: (() => Promise<void> | void)[] = [() => recording.close()];
  const close = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const store = new EndpointStore({ observer: recording.recorder });
    recording.configured(config);
    started.push((await discoverEndpoints(endpointsFile, store, reports)).close);
    const scraping = new ConfiguredScraping(config.metrics, { store, clock, random, registry, logger, intervalMs });
    started.push(() => scraping.close());
    const counts = (): { endpoints: number; seen: number } => {
      const endpoints = store.snapshot(clock.nowMs());
      const seen = endpoints.filter(({ signals }) => Number.isFinite(signals.waitingRequests.sampledAtMs)).length;
      return { endpoints: endpoints.length, seen };
    };
    return { counts, close };
  } catch (error) {
    await close();
    throw error;
  }
}
