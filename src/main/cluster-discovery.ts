import type { PoolRef } from "../discovery/inference-objects.ts";
import type { ApiServer } from "../discovery/kubernetes/api-server.ts";
import { followObjects } from "../discovery/kubernetes/cluster-objects.ts";
import { ClusterPool } from "../discovery/kubernetes/cluster-pool.ts";
import type { Follow } from "../discovery/kubernetes/follow.ts";
import type { ObjectContent, ObjectKind } from "../discovery/kubernetes/followed-objects.ts";
import type { PoolSelection } from "../discovery/kubernetes/inference-pool.ts";
import { PodMembership } from "../discovery/kubernetes/pod-membership.ts";
import { podRefusals, type PodRules } from "../discovery/kubernetes/pod-refusal.ts";
import { startReflector } from "../discovery/kubernetes/reflector.ts";
import { KubernetesMetrics } from "../telemetry/kubernetes-metrics.ts";
import { ClusterReports } from "./cluster-reports.ts";
import { FollowLog } from "./follow-log.ts";
import type { Discovered, DiscoveredStores, DiscoveryReports } from "./discovered.ts";

/** How a pool is found in a cluster. */
export interface ClusterOptions extends PodRules {
  /** Closed with the picker. */
  readonly api: ApiServer;
  /** Calls the listener each time that credentials of `api` cannot be read anew. */
  readonly onCredentialsProblem?: ((listener: () => void) => void) | undefined;
  readonly namespace: string;
  /** The pool's pods and ports where there is no InferencePool; default: the InferencePool of the picker's pool name. */
  readonly selection?: PoolSelection | undefined;
  /** Most pods that are members at a time. */
  readonly maxPods: number;
}

/** Keeps the stores what the API server says. The picker waits for a pool that is not there yet, however long. */
export function discoverCluster(
  options: ClusterOptions & { readonly pool: PoolRef },
  stores: DiscoveredStores,
  reports: DiscoveryReports,
): Discovered {
  const { namespace, pool: poolRef, selection, maxPods } = options;
  let setSynced = (): void => {};
  const synced = new Promise<void>((resolve) => {
    setSynced = resolve;
  });
  const observer = new ClusterReports({
    ...reports,
    pool: `${namespace}/${poolRef.name}`,
    onState: (state) => {
      reports.onPool(state);
      if (state.isSynced) setSynced();
    },
  });
  const metrics = new KubernetesMetrics(reports.registry, reports.clock);
  options.onCredentialsProblem?.(() => metrics.credentialsFailed());
  const follow = followWith(options.api, reports, metrics);
  const refusalOf = podRefusals(options, options.api);
  const membership = new PodMembership({ store: stores.store, observer, maxPods, refusalOf });
  const source =
    selection === undefined
      ? ({ kind: "object", ...poolRef } as const)
      : ({ kind: "given", pool: { ...selection, appProtocol: undefined } } as const);
  const pool = new ClusterPool({ namespace, source, membership, follow, observer });
  const apply = (kind: ObjectKind, contents: readonly ObjectContent[]): void => applyObjects(kind, contents, stores);
  pool.start();
  const closeObjects = followObjects({ namespace, pool: poolRef, follow, apply, ...observer.objects });
  return {
    synced,
    close: () => {
      pool.close();
      closeObjects();
      options.api.close();
    },
  };
}

function followWith(api: ApiServer, { clock, random, logger }: DiscoveryReports, metrics: KubernetesMetrics): Follow {
  const log = new FollowLog(logger, clock);
  return ({ onFailed, ...what }) => {
    const { kind, isOptional = false } = what;
    const observer = metrics.observer(kind, log.observer({ isOptional, onFailed }));
    return startReflector({ api, clock, random, observer, ...what });
  };
}

function applyObjects(
  kind: ObjectKind,
  contents: readonly ObjectContent[],
  { objectives, rewrites }: DiscoveredStores,
): void {
  if (kind === "InferenceObjective") {
    objectives.reset(contents.flatMap((content) => (content.kind === "InferenceObjective" ? [content.value] : [])));
  } else {
    rewrites.reset(contents.flatMap((content) => (content.kind === "InferenceModelRewrite" ? [content.value] : [])));
  }
}
