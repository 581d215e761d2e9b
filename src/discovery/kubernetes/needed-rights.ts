import { objectGroups } from "../inference-objects.ts";
import { leaseName } from "./lease-object.ts";

/**
 * What a right is for.
 * - `pool`: without it there are no endpoints
 * - `objects`: without it priorities and rewrites have no effect
 * - `election`: without it no picker leads
 * - `readers`: without it nobody may read the metrics page
 * - `spare`: the Role has it, nothing uses it
 */
export type RightPurpose = "pool" | "objects" | "election" | "readers" | "spare";

/** One verb on one resource. */
export interface NeededRight {
  readonly verb: "get" | "list" | "watch" | "create" | "update";
  /** "" for the core group. */
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  /** The one object that is meant; undefined: all. */
  readonly name?: string;
  /** Undefined: the resource has no namespace. */
  readonly namespace?: string;
  readonly purpose: RightPurpose;
}

/** Of whom rights are asked. */
export interface RightsScope {
  readonly namespace: string;
  readonly poolName: string;
  /** API group of the InferencePool; undefined: there is none. */
  readonly poolGroup: string | undefined;
  /** With leader election. */
  readonly hasElection: boolean;
  /** Readers of the metrics page need a token. */
  readonly hasReaders: boolean;
}

/** What a picker's Role and ClusterRole have, as the chart makes them (protocol 4.5). */
export function neededRights(scope: RightsScope): readonly NeededRight[] {
  const { namespace, poolName, poolGroup, hasElection, hasReaders } = scope;
  const followed = (purpose: RightPurpose, group: string, resource: string): readonly NeededRight[] => [
    { verb: "get", group, resource, namespace, purpose: "spare" },
    { verb: "list", group, resource, namespace, purpose },
    { verb: "watch", group, resource, namespace, purpose },
  ];
  const lease = { group: "coordination.k8s.io", resource: "leases", namespace, purpose: "election" } as const;
  const name = leaseName(namespace, poolName);
  return [
    ...followed("pool", "", "pods"),
    ...(poolGroup === undefined ? [] : followed("pool", poolGroup, "inferencepools")),
    ...Object.values(objectGroups).flatMap((group) => [
      ...followed("objects", group, "inferenceobjectives"),
      ...followed("objects", group, "inferencemodelrewrites"),
    ]),
    ...(hasElection
      ? [
          { ...lease, verb: "get" as const, name },
          { ...lease, verb: "update" as const, name },
          { ...lease, verb: "create" as const },
          { verb: "create" as const, group: "", resource: "events", namespace, purpose: "spare" as const },
        ]
      : []),
    ...(hasReaders
      ? ([
          { verb: "create", group: "authentication.k8s.io", resource: "tokenreviews", purpose: "readers" },
          { verb: "create", group: "authorization.k8s.io", resource: "subjectaccessreviews", purpose: "readers" },
        ] as const)
      : []),
  ];
}

/** A resource as kubectl names it: `pods`, `leases.coordination.k8s.io/NAME`. */
export function formatResource({ group, resource, name }: Pick<NeededRight, "group" | "resource" | "name">): string {
  return `${resource}${group === "" ? "" : `.${group}`}${name === undefined ? "" : `/${name}`}`;
}
