import type { ModelRewriteStore } from "../datastore/model-rewrites.ts";
import type { ObjectiveStore } from "../datastore/objectives.ts";
import type { EndpointStore } from "../datastore/store.ts";
import type { PoolState } from "../discovery/kubernetes/cluster-pool.ts";
import { defaultPoolGroup } from "../discovery/inference-objects.ts";
import type { Random } from "../lib/random.ts";
import { type ClusterOptions, discoverCluster } from "./cluster-discovery.ts";
import { discoverEndpoints, discoverObjects, type FileReports, type Watch } from "./watched-files.ts";

/** Where a picker's endpoints and objects come from: files, or a cluster. */
export interface DiscoveryOptions {
  /** Name of the pool in metrics and in the poolRef of objects. */
  readonly poolName: string;
  /** API group of the pool in the poolRef of objects; default `inference.networking.k8s.io`. */
  readonly poolGroup?: string | undefined;
  /** Either this or `cluster`. */
  readonly endpointsFile?: string | undefined;
  /** File with InferenceObjectives and InferenceModelRewrites, beside `endpointsFile`; default: none are there. */
  readonly objectsFile?: string | undefined;
  readonly cluster?: ClusterOptions | undefined;
}

/** What discovery fills. */
export interface DiscoveredStores {
  readonly store: EndpointStore;
  readonly objectives: ObjectiveStore;
  readonly rewrites: ModelRewriteStore;
}

/** Where discovery reports to. */
export interface DiscoveryReports extends FileReports {
  readonly random: Random;
  /** Told of every change of what is known of the pool. */
  readonly onPool: (pool: PoolState) => void;
}

/** Running discovery. */
export interface Discovered {
  /** Resolves when the endpoints are in the store for the first time; never rejects. */
  readonly synced: Promise<void>;
  /** Stops watching; the stores keep what they have. */
  readonly close: () => void;
}

/**
 * Keeps the stores what files or a cluster say. Resolves at once for a cluster, and with the endpoints in the store for a
 * file; rejects when a file cannot be used.
 */
export async function discover(
  options: DiscoveryOptions,
  stores: DiscoveredStores,
  reports: DiscoveryReports,
): Promise<Discovered> {
  const { endpointsFile, objectsFile, cluster, poolName, poolGroup: group = defaultPoolGroup } = options;
  const pool = { group, name: poolName };
  if (cluster !== undefined) return discoverCluster({ ...cluster, pool }, stores, reports);
  if (endpointsFile === undefined) throw new Error("Cannot start a picker: no endpoints file and no cluster");
  const watches: Watch[] = [await discoverEndpoints(endpointsFile, stores.store, reports)];
  const close = (): void => {
    for (const watch of watches.splice(0)) watch.close();
  };
  try {
    if (objectsFile !== undefined) watches.push(await discoverObjects({ path: objectsFile, pool }, stores, reports));
  } catch (error) {
    close();
    throw error;
  }
  reports.onPool({ isSynced: true, appProtocol: undefined });
  return { synced: Promise.resolve(), close };
}
