import type { CompiledConfig } from "../config/load.ts";
import { type WatchedConfig, watchConfig } from "../config/watch.ts";
import type { ModelRewriteStore } from "../datastore/model-rewrites.ts";
import type { ObjectiveStore } from "../datastore/objectives.ts";
import type { EndpointStore } from "../datastore/store.ts";
import { startFileDiscovery } from "../discovery/file.ts";
import type { PoolRef } from "../discovery/inference-objects.ts";
import { startObjectsDiscovery } from "../discovery/objects.ts";
import type { Clock } from "../lib/clock.ts";
import type { Problem } from "../lib/document.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { SeldomLog } from "../telemetry/seldom-log.ts";

/** What watching files reports to. */
export interface FileReports {
  readonly clock: Clock;
  readonly registry: MetricsRegistry;
  readonly logger: Logger;
}

/** Something that watches until it is closed. */
export interface Watch {
  readonly close: () => void;
}

/** Keeps the pool what an endpoints file says. */
export function discoverEndpoints(path: string, store: EndpointStore, reports: FileReports): Promise<Watch> {
  const { clock, registry, logger } = reports;
  const { fileReloads, unresolvedHosts } = registry.metrics;
  const seldom = new SeldomLog(clock);
  return startFileDiscovery({
    path,
    store,
    clock,
    onUnresolved: (host, problem) => {
      unresolvedHosts.inc();
      seldom.about(host, () => logger.warn({ host, problem }, "Host name not resolved, its last address stays"));
    },
    onReload: (outcome) => {
      fileReloads.inc({ file: "endpoints", outcome: outcome.kind });
      if (outcome.kind === "ok") logger.info({ file: path, endpoints: outcome.endpoints }, "Endpoints file reloaded");
      else logger.error({ file: path, problem: outcome.message }, "Endpoints file not usable, the last good one stays");
    },
  });
}

/** Keeps objectives and rewrites what an objects file says. */
export function discoverObjects(
  { path, pool }: { readonly path: string; readonly pool: PoolRef },
  stores: { readonly objectives: ObjectiveStore; readonly rewrites: ModelRewriteStore },
  { clock, registry, logger }: FileReports,
): Promise<Watch> {
  const { fileReloads } = registry.metrics;
  return startObjectsDiscovery({
    path,
    pool,
    ...stores,
    clock,
    onLoaded: ({ warnings, ...counts }, isReload) => {
      if (isReload) fileReloads.inc({ file: "objects", outcome: "ok" });
      warn(warnings, logger);
      logger.info({ file: path, ...counts }, isReload ? "Objects file reloaded" : "Objects file loaded");
    },
    onRejected: (problem) => {
      fileReloads.inc({ file: "objects", outcome: "rejected" });
      logger.error({ file: path, problem }, "Objects file not usable, the last good one stays");
    },
  });
}

/** Keeps a config file in force: `replace` takes over each text that is good. */
export function followConfig(
  watched: WatchedConfig & { readonly config: CompiledConfig },
  replace: (config: CompiledConfig) => void,
  { clock, registry, logger }: FileReports,
): Promise<Watch> {
  const { fileReloads } = registry.metrics;
  const file = watched.path;
  return watchConfig({
    ...watched,
    clock,
    replace,
    onReplaced: ({ revision }, warnings) => {
      fileReloads.inc({ file: "config", outcome: "ok" });
      warn(warnings, logger);
      logger.info({ file, revision }, "Config reloaded");
    },
    onRejected: (problem) => {
      fileReloads.inc({ file: "config", outcome: "rejected" });
      logger.error({ file, problem }, "Config not usable, the last good one stays");
    },
  });
}

function warn(warnings: readonly Problem[], logger: Logger): void {
  for (const { file, line, path, message } of warnings) logger.warn({ file, line, path }, message);
}
