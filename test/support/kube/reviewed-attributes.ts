/** What an access review asks about. */
export interface ReviewedAttributes {
  readonly resourceAttributes?: {
    readonly verb: string;
    readonly group?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly name?: string;
    /** Absent: all namespaces, or a resource without. */
    readonly namespace?: string;
  };
  readonly nonResourceAttributes?: { readonly verb: string; readonly path: string };
}

const reads = ["get", "list", "watch"];
const writes = ["create", "update", "patch", "delete", "deletecollection"];
const everything = [...reads, ...writes];

/** Resources that no picker needs, all verbs of them: `RESOURCE.GROUP`, or `RESOURCE/SUBRESOURCE`. */
const strange = [
  "secrets",
  "configmaps",
  "serviceaccounts",
  "serviceaccounts/token",
  "services",
  "endpoints",
  "nodes",
  "nodes/proxy",
  "namespaces",
  "persistentvolumeclaims",
  "pods/exec",
  "pods/attach",
  "pods/portforward",
  "pods/log",
  "pods/proxy",
  "pods/eviction",
  "pods/status",
  "pods/ephemeralcontainers",
  "deployments.apps",
  "deployments/scale.apps",
  "daemonsets.apps",
  "jobs.batch",
  "roles.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "networkpolicies.networking.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
  "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  "certificatesigningrequests.certificates.k8s.io",
  "inferencepools/status.inference.networking.k8s.io",
  "inferenceobjectives/status.llm-d.ai",
  "httproutes.gateway.networking.k8s.io",
];

/** Resources that a picker reads in its own namespace. */
const followed = [
  "pods",
  "inferencepools.inference.networking.k8s.io",
  "inferenceobjectives.llm-d.ai",
  "inferencemodelrewrites.llm-d.ai",
  "inferenceobjectives.inference.networking.x-k8s.io",
  "inferencemodelrewrites.inference.networking.x-k8s.io",
];

/** What the picker of the pool `poolName` with an election must not be able to do: writes, other namespaces, what is not its. */
export function forbiddenAttributes(namespace: string, poolName: string): readonly ReviewedAttributes[] {
  const lease = `epp-${namespace}-${poolName}.llm-d.ai`;
  return [
    ...each(strange, everything, [namespace, "default", undefined]),
    ...each(followed, writes, [namespace]),
    ...each(followed, everything, ["default", "kube-system", undefined]),
    ...each(["leases.coordination.k8s.io"], ["list", "watch", "patch", "delete", "deletecollection"], [namespace]),
    ...each(["leases.coordination.k8s.io"], everything, ["default", "kube-system", undefined]),
    ...each(["leases.coordination.k8s.io"], ["get", "update"], [namespace], "another-lease"),
    ...each(["leases.coordination.k8s.io"], ["patch", "delete"], [namespace], lease),
    ...each(["events"], [...reads, "update", "patch", "delete"], [namespace]),
    ...each(["events"], everything, ["default", undefined]),
    ...each(["users", "groups", "serviceaccounts"], ["impersonate"], [undefined]),
    ...each(["roles.rbac.authorization.k8s.io"], ["bind", "escalate"], [namespace]),
    ...each(["clusterroles.rbac.authorization.k8s.io"], ["bind", "escalate"], [undefined]),
    ...each(["tokenreviews.authentication.k8s.io"], [...reads, "update", "delete"], [undefined]),
    ...each(["localsubjectaccessreviews.authorization.k8s.io"], ["create"], [namespace]),
    ...["/metrics", "/debug/pprof", "/logs", "/configz"].map((path) => {
      return { nonResourceAttributes: { verb: "get", path } };
    }),
  ];
}

function each(
  names: readonly string[],
  verbs: readonly string[],
  namespaces: readonly (string | undefined)[],
  name?: string,
): readonly ReviewedAttributes[] {
  return names.flatMap((text) => {
    const [, resource = "", subresource, group = ""] = /^([^./]+)(?:\/([^.]+))?(?:\.(.+))?$/.exec(text) ?? [];
    return namespaces.flatMap((namespace) =>
      verbs.map((verb) => ({
        resourceAttributes: {
          verb,
          group,
          resource,
          ...(subresource === undefined ? {} : { subresource }),
          ...(name === undefined ? {} : { name }),
          ...(namespace === undefined ? {} : { namespace }),
        },
      })),
    );
  });
}

/** `delete secrets in default`. */
export function formatAttributes({ resourceAttributes, nonResourceAttributes }: ReviewedAttributes): string {
  if (resourceAttributes === undefined) return `${nonResourceAttributes?.verb} ${nonResourceAttributes?.path}`;
  const { verb, group = "", resource, subresource, name, namespace = "all namespaces" } = resourceAttributes;
  const parts = [resource, subresource === undefined ? "" : `/${subresource}`, group === "" ? "" : `.${group}`];
  return `${verb} ${parts.join("")}${name === undefined ? "" : ` ${name}`} in ${namespace}`;
}
