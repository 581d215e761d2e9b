import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { readDocuments } from "../../../src/lib/document.ts";
import type { ControlPlane } from "./control-plane.ts";
import { aFolder } from "./reflector-rig.ts";
import { type KubeObject, pathOf, resourceOf } from "./resources.ts";
import { objectPath, type SuiteCluster } from "./suite-cluster.ts";
import { until } from "../until.ts";

const crdFile = new URL("../../fixtures/kube/crds.yaml", import.meta.url);
const crdsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const rbacPath = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
const accountsPath = "/api/v1/namespaces/default/serviceaccounts";

/** What the picker's Role allows. */
const rules = [
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  {
    apiGroups: ["inference.networking.k8s.io", "llm-d.ai"],
    resources: ["inferencepools", "inferenceobjectives", "inferencemodelrewrites"],
    verbs: ["get", "list", "watch"],
  },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] },
];

/** A control plane, emptied, as a cluster of the suite; the picker is a service account with a Role and a bound token. */
export async function realCluster(t: TestContext, plane: ControlPlane): Promise<SuiteCluster> {
  const { admin } = plane;
  const folder = aFolder(t);
  const [kubeconfig, tokenFile] = [join(folder, "config"), join(folder, "token")];
  plane.writeKubeconfig(kubeconfig, { tokenFile: "token" });
  await empty(plane);
  let accounts = 0;
  const setRights = async (areGranted: boolean): Promise<void> => {
    await admin.must("DELETE", `${rbacPath}/roles/picker`, undefined, true);
    if (areGranted) await admin.must("POST", `${rbacPath}/roles`, { metadata: { name: "picker" }, rules });
  };
  const replaceToken = async (): Promise<void> => {
    const name = `picker-${t.name
      .replaceAll(/[^a-z0-9]+/gi, "-")
      .toLowerCase()
      .slice(-20)}-${accounts++}`.replaceAll("--", "-");
    await admin.must("POST", accountsPath, { metadata: { name } });
    await admin.must("DELETE", `${rbacPath}/rolebindings/picker`, undefined, true);
    await admin.must("POST", `${rbacPath}/rolebindings`, {
      metadata: { name: "picker" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "picker" },
      subjects: [{ kind: "ServiceAccount", name, namespace: "default" }],
    });
    const request = { spec: { expirationSeconds: 600 } };
    const reply = (await admin.must("POST", `${accountsPath}/${name}/token`, request)) as { status: { token: string } };
    writeFileSync(tokenFile, reply.status.token);
    const others = (await admin.must("GET", accountsPath)) as { items: readonly KubeObject[] };
    // The token of an account that is gone is refused.
    for (const { metadata } of others.items) {
      if (metadata.name !== name) await admin.must("DELETE", `${accountsPath}/${metadata.name}`);
    }
  };
  await setRights(true);
  await replaceToken();
  await rightsAreThere(plane, readFileSync(tokenFile, "utf8"));
  return {
    kubeconfig,
    create: (object) => create(plane, object),
    patch: async (object, patch, subresource) => {
      await admin.must("PATCH", objectPath(object) + (subresource === undefined ? "" : `/${subresource}`), patch);
    },
    remove: async (object) => void (await admin.must("DELETE", objectPath(object))),
    setRights,
    replaceToken,
    kill: () => plane.killApiServer(),
    start: () => plane.startApiServer(),
    forget: async () => {
      // Versions of other objects; the API server that starts anew knows none but the last.
      for (let i = 0; i < 5; i++) {
        await admin.must("POST", "/api/v1/namespaces/default/configmaps", { metadata: { generateName: "version-" } });
      }
    },
    installObjectives: async () =>
      installCrds(plane, ({ metadata }) => metadata.name.startsWith("inferenceobjectives")),
  };
}

/** Creates an object, and a second time its status, which a creation leaves out. */
export async function create({ admin }: ControlPlane, object: KubeObject): Promise<void> {
  const collection = pathOf(resourceOf(object), object.metadata.namespace ?? "");
  const { managedFields, ...metadata } = object.metadata;
  // Nobody but the server writes managedFields; an annotation of the size does as well.
  const annotations = {
    ...metadata.annotations,
    ...(managedFields === undefined ? {} : { filler: JSON.stringify(managedFields) }),
  };
  await admin.must("POST", collection, { ...object, metadata: { ...metadata, annotations }, status: undefined });
  const { status } = object;
  if (status !== undefined) await admin.must("PATCH", `${objectPath(object)}/status`, { status });
}

/** Removes what tests make, and makes known what the picker follows but for InferenceObjective. */
async function empty(plane: ControlPlane): Promise<void> {
  const { admin } = plane;
  await patiently("the namespace", async () => (await admin.ask("GET", "/api/v1/namespaces/default")).status === 200);
  await installCrds(plane, ({ metadata }) => !metadata.name.startsWith("inferenceobjectives"));
  const objectives = `${crdsPath}/inferenceobjectives.llm-d.ai`;
  await admin.must("DELETE", objectives, undefined, true);
  await patiently("no CRD", async () => (await admin.ask("GET", objectives)).status === 404);
  for (const path of [
    "/api/v1/namespaces/default/pods",
    "/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
  ]) {
    await admin.must("DELETE", path);
    await patiently("an empty namespace", async () => {
      const { items } = (await admin.must("GET", path)) as { items: readonly unknown[] };
      return items.length === 0;
    });
  }
}

/** Makes the kinds known that tests bring CRDs for. */
export async function installCrds({ admin }: ControlPlane, isWanted: (crd: KubeObject) => boolean): Promise<void> {
  const documents = readDocuments(readFileSync(crdFile, "utf8"), "crds.yaml");
  for (const crd of documents.map(({ raw }) => raw as KubeObject).filter(isWanted)) {
    const path = `${crdsPath}/${crd.metadata.name}`;
    if ((await admin.ask("GET", path)).status === 404) await admin.must("POST", crdsPath, crd);
    const [plural, ...group] = crd.metadata.name.split(".");
    const { versions } = crd["spec"] as { versions: readonly { name: string }[] };
    const collection = `/apis/${group.join(".")}/${versions[0]?.name}/namespaces/default/${plural}`;
    await patiently(`the resource ${collection}`, async () => (await admin.ask("GET", collection)).status === 200);
  }
}

/** A new Role is known to the authorizer a moment later. */
async function rightsAreThere({ admin }: ControlPlane, token: string): Promise<void> {
  const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { sub: string };
  const review = {
    spec: {
      user: payload.sub,
      resourceAttributes: { namespace: "default", verb: "list", resource: "pods" },
    },
  };
  await patiently("the picker's rights", async () => {
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const reply = (await admin.must("POST", path, review)) as { status: { allowed: boolean } };
    return reply.status.allowed;
  });
}

const patiently = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, isTrue, 60_000);
