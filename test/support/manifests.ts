import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

interface HelmModule {
  readonly goldenFolder: string;
  readonly valuesFolder: string;
  readonly chart: string;
  readonly renderedCases: readonly string[];
  readonly findHelm: (environment: Readonly<Record<string, string | undefined>>) => string | undefined;
  readonly renderChart: (helm: string, args: readonly string[]) => string;
}

/** What scripts/helm.mjs exports. */
export const helmScript = (await import(new URL("../../scripts/helm.mjs", import.meta.url).href)) as HelmModule;

/** Path of Helm; "" when the machine has none. */
export const helmPath: string = helmScript.findHelm(process.env) ?? "";

/** For the option `skip` of a test that renders the chart. */
export const skipWithoutHelm: string | false =
  helmPath === "" ? "helm not found: put Helm 3 on PATH, or set HELM_BIN" : false;

/** An object of the cluster as a file holds it, as far as tests look at it; which fields there are depends on the kind. */
export interface ClusterObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: ObjectSpec;
  readonly data: Readonly<Record<string, string>>;
  readonly rules: readonly unknown[];
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[];
}

/** The `spec` of all kinds together. */
export interface ObjectSpec {
  readonly replicas: number;
  readonly strategy: { readonly rollingUpdate: unknown };
  readonly template: { readonly spec: PodSpec };
  readonly ports: readonly { readonly port: number; readonly appProtocol?: string }[];
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly targetPorts: readonly { readonly number: number }[];
  readonly endpointPickerRef: { readonly failureMode: string };
  readonly maxUnavailable: unknown;
  readonly ingress: unknown;
  readonly egress: unknown;
  readonly endpoints: readonly { readonly interval: string }[];
  readonly priority: number;
  readonly parentRefs: readonly { readonly name: string }[];
  readonly poolRef: { readonly name: string };
  readonly rules: readonly { readonly backendRefs: readonly Readonly<Record<"group" | "kind" | "name", string>>[] }[];
}

/** The `spec` of a pod. */
export interface PodSpec {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly topologySpreadConstraints: readonly unknown[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly projected?: { readonly sources: readonly unknown[]; readonly defaultMode: number };
  }[];
}

/** A container of a pod, as far as tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly restartPolicy?: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly resources: { readonly requests?: unknown; readonly limits?: unknown };
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly startupProbe: { readonly grpc: unknown };
  readonly livenessProbe: { readonly grpc: unknown };
  readonly readinessProbe: { readonly grpc: unknown };
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

/** The objects of a text of YAML documents, empty ones left out. Throws for a document that is no YAML. */
export function clusterObjects(text: string): readonly ClusterObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const object = document.toJS() as ClusterObject | null;
    return object === null ? [] : [object];
  });
}

/** The objects of a golden file, by the name of its values file. */
export function goldenObjects(name: string): readonly ClusterObject[] {
  return clusterObjects(readFileSync(join(helmScript.goldenFolder, `${name}.yaml`), "utf8"));
}

/** The only object of a kind, of that name if one is given. */
export function theObject(objects: readonly ClusterObject[], kind: string, name?: string): ClusterObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name,
  );
  const [object] = found;
  if (object !== undefined && found.length === 1) return object;
  throw new Error(`Cannot find the ${kind} ${name ?? ""}: ${found.length} objects, expected one`);
}

/** All containers of a Deployment's pods, sidecars first. */
export function containersOf(deployment: ClusterObject): readonly Container[] {
  const { initContainers = [], containers } = deployment.spec.template.spec;
  return [...initContainers, ...containers];
}

/** The picker's container of a Deployment. */
export function pickerContainer(deployment: ClusterObject): Container {
  const container = containersOf(deployment).find(({ name }) => name === "epp");
  if (container !== undefined) return container;
  throw new Error(`Deployment ${deployment.metadata.name} has no container epp`);
}
