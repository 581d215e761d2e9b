import { type ClusterObject, goldenObjects, helmScript } from "../manifests.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { ReviewedAttributes } from "./reviewed-attributes.ts";

/** Namespace of the release that golden files are rendered for, and its picker's service account. */
export const releaseNamespace = "serving";
export const pickerAccount = "llm-epp";

/** Kinds that say who may do what, with the path of their collection. */
const collections: Readonly<Record<string, (namespace: string) => string>> = {
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  Role: (namespace) => `${rbac}/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `${rbac}/namespaces/${namespace}/rolebindings`,
  ClusterRole: () => `${rbac}/clusterroles`,
  ClusterRoleBinding: () => `${rbac}/clusterrolebindings`,
};
const rbac = "/apis/rbac.authorization.k8s.io/v1";

/** Makes `objects` the only ones of any golden file that give rights, in a namespace that is made if need be. */
export async function applyRights({ admin }: ControlPlane, objects: readonly ClusterObject[]): Promise<void> {
  const namespace = { metadata: { name: releaseNamespace } };
  const made = await admin.ask("POST", "/api/v1/namespaces", namespace);
  if (made.status !== 201 && made.status !== 409) throw new Error(`namespace: ${JSON.stringify(made.body)}`);
  const former = new Set(helmScript.renderedCases.flatMap(goldenObjects).filter(givesRights).map(pathOf));
  for (const path of former) await admin.must("DELETE", path, undefined, true);
  for (const object of objects.filter(givesRights)) await admin.must("POST", collectionOf(object), object);
}

/** A token of a service account of the release, good for ten minutes. */
export async function tokenOf({ admin }: ControlPlane, account: string): Promise<string> {
  const path = `${collections["ServiceAccount"]?.(releaseNamespace)}/${account}/token`;
  const reply = (await admin.must("POST", path, { spec: { expirationSeconds: 600 } })) as { status: { token: string } };
  return reply.status.token;
}

/** Whether the API server lets a service account of the release do something. */
export async function isGranted(
  { admin }: ControlPlane,
  account: string,
  attributes: ReviewedAttributes,
): Promise<boolean> {
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  const spec = { user: userOf(account), ...attributes };
  const review = (await admin.must("POST", path, { spec })) as { status: { allowed: boolean } };
  return review.status.allowed;
}

/** Name of a service account of the release as the API server has it. */
export function userOf(account: string): string {
  return `system:serviceaccount:${releaseNamespace}:${account}`;
}

function givesRights({ kind }: ClusterObject): boolean {
  return Object.hasOwn(collections, kind);
}

function collectionOf({ kind, metadata }: ClusterObject): string {
  return collections[kind]?.(metadata.namespace ?? "") ?? "";
}

function pathOf(object: ClusterObject): string {
  return `${collectionOf(object)}/${object.metadata.name}`;
}
