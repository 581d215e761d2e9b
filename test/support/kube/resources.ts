/** A resource that the fake API server serves. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

const resource = (group: string, version: string, kind: string, plural: string, isNamespaced = true): Resource => ({
  group,
  version,
  kind,
  plural,
  isNamespaced,
});

/** All that the picker asks for. */
export const resources: readonly Resource[] = [
  resource("", "v1", "Pod", "pods"),
  resource("", "v1", "Namespace", "namespaces", false),
  resource("", "v1", "Event", "events"),
  resource("coordination.k8s.io", "v1", "Lease", "leases"),
  resource("inference.networking.k8s.io", "v1", "InferencePool", "inferencepools"),
  resource("inference.networking.x-k8s.io", "v1alpha2", "InferencePool", "inferencepools"),
  ...["llm-d.ai", "inference.networking.x-k8s.io"].flatMap((group) => [
    resource(group, "v1alpha2", "InferenceObjective", "inferenceobjectives"),
    resource(group, "v1alpha2", "InferenceModelRewrite", "inferencemodelrewrites"),
  ]),
];

/** An object as the API server has it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** Where a request points. */
export interface Target {
  readonly resource: Resource;
  /** Empty: all namespaces, or a resource without. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  /** `status` or empty. */
  readonly subresource: string;
}

/** `apiVersion` of a group and version. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === "" ? version : `${group}/${version}`;
}

/** Path of a collection, or of an object when `name` is given. */
export function pathOf(resource: Resource, namespace: string, name = ""): string {
  const root = resource.group === "" ? "/api/v1" : `/apis/${apiVersionOf(resource)}`;
  const scope = resource.isNamespaced && namespace !== "" ? `/namespaces/${namespace}` : "";
  return `${root}${scope}/${resource.plural}${name && `/${name}`}`;
}

/** The resource of an object; throws for a kind that is not in `resources`. */
export function resourceOf({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): Resource {
  const found = resources.find((entry) => entry.kind === kind && apiVersionOf(entry) === apiVersion);
  if (found === undefined) throw new Error(`Cannot serve "${apiVersion} ${kind}": found no such resource`);
  return found;
}

/** Reads a path; undefined for one that no resource has. */
export function targetOf(path: string): Target | undefined {
  const match =
    /^(?:\/api\/(v1)|\/apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/(status))?$/.exec(
      path,
    );
  if (match === null) return undefined;
  const [, core, group = "", version = core, namespace = "", plural, name = "", subresource = ""] = match;
  const resource = resources.find(
    (entry) => entry.group === group && entry.version === version && entry.plural === plural,
  );
  return resource && { resource, namespace, name, subresource };
}
