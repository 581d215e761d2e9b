import { type ClusterObject, theObject } from "./manifests.ts";

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** What a service account may do, one line a verb and resource, as `kubectl auth can-i --list` has it. */
export function permissions(objects: readonly ClusterObject[], account: string): readonly string[] {
  const bindings = objects.filter(
    ({ kind, subjects }) =>
      ["RoleBinding", "ClusterRoleBinding"].includes(kind) &&
      (subjects ?? []).some((subject) => subject.name === account),
  );
  return bindings
    .flatMap(({ kind, roleRef }) => {
      const scope = kind === "RoleBinding" ? "namespace" : "cluster";
      const rules = theObject(objects, roleRef.kind, roleRef.name).rules as readonly Rule[];
      return rules.flatMap((rule) => linesOf(rule).map((line) => `${scope}: ${line}`));
    })
    .toSorted();
}

/** A rule as lines: `VERB RESOURCE.GROUP/NAME`, `VERB PATH`. */
export function linesOf(rule: Rule): readonly string[] {
  const { apiGroups = [], resources = [], resourceNames = [""], nonResourceURLs = [], verbs } = rule;
  const targets = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      resourceNames.map((name) => `${resource}${group === "" ? "" : `.${group}`}${name === "" ? "" : `/${name}`}`),
    ),
  );
  return [...targets, ...nonResourceURLs].flatMap((target) => verbs.map((verb) => `${verb} ${target}`));
}
