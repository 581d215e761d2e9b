import type { EndpointEntry } from "../discovery/endpoints-file.ts";
import type { ApiServer } from "../discovery/kubernetes/api-server.ts";
import type { PoolSource } from "../discovery/kubernetes/cluster-pool.ts";
import { askCustomKinds, type CustomKind } from "../discovery/kubernetes/known-kinds.ts";
import { neededRights } from "../discovery/kubernetes/needed-rights.ts";
import { askOwnName, askOwnRights, type RightsAnswer } from "../discovery/kubernetes/own-rights.ts";
import {
  type CensusRules,
  type CountedPod,
  type CountedPool,
  countPods,
  findPool,
} from "../discovery/kubernetes/pool-census.ts";

/** Which pool of which cluster to examine. */
export interface ExamineClusterOptions extends CensusRules {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly poolName: string;
  readonly source: PoolSource;
  /** The picker would stand for election. */
  readonly hasElection: boolean;
  /** The picker would ask for readers' tokens. */
  readonly hasReaders: boolean;
}

/** What the API server says of a pool, and of whoever asks. */
export interface ClusterFacts {
  readonly apiServer: string;
  /** Of whom rights are known; undefined: the API server does not say. */
  readonly user: string | undefined;
  readonly namespace: string;
  readonly poolName: string;
  readonly kinds: readonly CustomKind[];
  readonly rights: RightsAnswer;
  readonly pool: CountedPool;
  /** A text says why they cannot be listed; undefined without a pool. */
  readonly pods: readonly CountedPod[] | string | undefined;
}

/**
 * Asks the API server all that a picker of the pool would need of it. Changes nothing there. Throws a `ReflectorFault` when
 * nobody answers or the credentials are refused.
 */
export async function examineCluster(options: ExamineClusterOptions): Promise<ClusterFacts> {
  const { api, namespace, poolName, source } = options;
  const poolGroup = source.kind === "object" ? source.group : undefined;
  const user = await askOwnName(api);
  const [kinds, rights, pool] = await Promise.all([
    askCustomKinds(api, poolGroup),
    askOwnRights(api, neededRights({ ...options, poolGroup })),
    findPool(api, namespace, source),
  ]);
  const pods = pool.kind === "ok" ? await countPods(api, { namespace, selection: pool.pool }, options) : undefined;
  return { apiServer: api.url, user, namespace, poolName, kinds, rights, pool, pods };
}

/** The endpoints of a pool's pods, in the form in which a file gives them. */
export function entriesOf({ pods }: ClusterFacts): readonly EndpointEntry[] {
  if (!Array.isArray(pods)) return [];
  return (pods as readonly CountedPod[]).flatMap(({ endpoints }) =>
    endpoints.map(({ name, namespace, host, port, labels }) => ({ name, namespace, host, port, labels })),
  );
}
