import type { CustomKind } from "../discovery/kubernetes/known-kinds.ts";
import { formatResource, type NeededRight } from "../discovery/kubernetes/needed-rights.ts";
import type { CountedPod } from "../discovery/kubernetes/pool-census.ts";
import type { ClusterFacts } from "./examine-cluster.ts";

/** What the API server says of a pool, for the report. Unknown values are absent. */
export interface ClusterReport {
  readonly apiServer: string;
  /** Whose rights these are. */
  readonly user?: string;
  readonly namespace: string;
  readonly poolName: string;
  /** The pool in force; absent without a usable one. */
  readonly pool?: {
    readonly selector: Readonly<Record<string, string>>;
    readonly targetPorts: readonly number[];
    readonly appProtocol?: string;
  };
  readonly resources: readonly ResourceReport[];
  /** Those that the pool selects, by name; absent when they could not be listed. */
  readonly pods?: readonly PodReport[];
}

/** What may be done with a resource that a picker needs. */
export interface ResourceReport {
  /** `pods`, `leases.coordination.k8s.io/NAME`. */
  readonly resource: string;
  /** Whether the API server has its kind; absent for kinds that need no CRD. */
  readonly kind?: CustomKind["standing"];
  readonly granted: readonly string[];
  readonly missing: readonly string[];
  /** Verbs of which the API server does not say. */
  readonly unknown: readonly string[];
}

/** One pod that the pool selects. */
export interface PodReport {
  readonly name: string;
  readonly ip?: string;
  /** Ids of its endpoints. */
  readonly endpoints: readonly string[];
  /** Why there are none: a kind of exclusion, or the reason of a refusal. */
  readonly why?: string;
}

/** Puts together what is known of a cluster. */
export function describeCluster(facts: ClusterFacts): ClusterReport {
  const { apiServer, user, namespace, poolName, pool, pods } = facts;
  const selection = pool.kind === "ok" ? pool.pool : undefined;
  return {
    apiServer,
    ...(user === undefined ? {} : { user }),
    namespace,
    poolName,
    ...(selection === undefined ? {} : { pool: describePool(selection) }),
    resources: describeResources(facts),
    ...(Array.isArray(pods) ? { pods: (pods as readonly CountedPod[]).map(describePod) } : {}),
  };
}

function describePool({
  selector,
  targetPorts,
  appProtocol,
}: Extract<ClusterFacts["pool"], { kind: "ok" }>["pool"]): ClusterReport["pool"] & object {
  return { selector, targetPorts, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function describeResources({ rights, kinds }: ClusterFacts): ResourceReport[] {
  const names = [...new Set(rights.rights.map(formatResource))];
  return names.map((resource) => {
    const own = rights.rights.filter((right) => formatResource(right) === resource);
    const verbs = (isGranted: boolean | undefined): readonly NeededRight["verb"][] =>
      own.filter((right) => right.isGranted === isGranted).map(({ verb }) => verb);
    const kind = kinds.find((known) => formatResource(known) === resource)?.standing;
    return {
      resource,
      ...(kind === undefined ? {} : { kind }),
      granted: verbs(true),
      missing: verbs(false),
      unknown: verbs(undefined),
    };
  });
}

function describePod({ name, ip, endpoints, exclusion }: CountedPod): PodReport {
  const why = exclusion?.kind === "refused" ? exclusion.reason : exclusion?.kind;
  return {
    name,
    ...(ip === undefined ? {} : { ip }),
    endpoints: endpoints.map(({ id }) => id),
    ...(why === undefined ? {} : { why }),
  };
}
