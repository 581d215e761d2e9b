import type { TestContext } from "node:test";
import { aCluster, type TestCluster } from "../a-cluster.ts";
import type { ProcessPool } from "../a-cluster-process.ts";
import { grantAllBut } from "../a-rights-review.ts";
import type { ReviewHandler } from "../fake-api-server.ts";
import { aKubePool, aPod, type PodOptions, type PoolOptions } from "../kube-objects.ts";
import { goldenObjects, theObject } from "../manifests.ts";
import { until } from "../until.ts";
import { applyRights, isGranted, pickerAccount, releaseNamespace, tokenOf } from "./chart-rights.ts";
import type { ControlPlane } from "./control-plane.ts";
import { create, installCrds } from "./real-cluster.ts";
import { type KubeObject, pathOf, resourceOf } from "./resources.ts";
import { objectPath } from "./suite-cluster.ts";

/** A cluster in which the suite of `picker-suite.ts` runs whole pickers, real or fake; empty at the beginning of a test. */
export interface PickerCluster extends ProcessPool {
  /** Creates the pool or replaces what it says. */
  setPool(options?: PoolOptions): Promise<void>;
  removePool(): Promise<void>;
  /** Creates a pod or replaces what it says, its status too. */
  setPod(options: PodOptions): Promise<void>;
  removePod(name: string): Promise<void>;
  /** Takes the rights of the picker's Role away, or gives them back. */
  setRights(areGranted: boolean): Promise<void>;
  /** Kills the API server. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Tokens of an account that may get /metrics, and of one that may not. */
  readonly tokens: { readonly reader: string; readonly stranger: string };
}

/** The fake API server. */
export async function fakePickerCluster(t: TestContext): Promise<PickerCluster> {
  const cluster: TestCluster = await aCluster(t);
  const { forbidden } = cluster.server;
  cluster.server.review = (review, plural) => answerReviews(review, plural, [...forbidden]);
  return {
    namespace: cluster.namespace,
    poolName: cluster.poolName,
    writeKubeconfig: (path) => cluster.writeKubeconfig(path),
    setPool: async (options) => cluster.setPool(options),
    removePool: async () => cluster.removePool(),
    setPod: async (options) => cluster.setPod(options),
    removePod: async (name) => cluster.removePod(name),
    setRights: async (areGranted) => {
      const { server } = cluster;
      for (const plural of ofRole) {
        if (areGranted) server.forbidden.delete(plural);
        else server.forbidden.add(plural);
      }
    },
    kill: () => cluster.server.kill(),
    start: () => cluster.server.start(),
    tokens: { reader: "reader", stranger: "stranger" },
  };
}

/** Resources of the picker's Role. */
const ofRole = ["pods", "inferencepools", "inferenceobjectives", "inferencemodelrewrites", "leases", "events"];

/** Knows both tokens; the reader alone may get /metrics. Whoever asks for themselves may do all but what is forbidden. */
function answerReviews(
  review: Record<string, unknown>,
  plural: string,
  forbidden: readonly string[],
): ReturnType<ReviewHandler> {
  const { spec } = review as { spec: { token?: string; user?: string; nonResourceAttributes?: { path: string } } };
  if (plural === "tokenreviews") {
    const isKnown = ["reader", "stranger"].includes(spec.token ?? "");
    return { ...review, status: { authenticated: isKnown, ...(isKnown && { user: { username: spec.token } }) } };
  }
  if (plural !== "subjectaccessreviews") return grantAllBut(forbidden)(review, plural);
  return { ...review, status: { allowed: spec.user === "reader" && spec.nonResourceAttributes?.path === "/metrics" } };
}

/**
 * A control plane; the picker has a token of the chart's service account and the rights of the chart's roles, and the metrics
 * reader is that of the chart.
 */
export async function realPickerCluster(t: TestContext, plane: ControlPlane): Promise<PickerCluster> {
  const { admin } = plane;
  const [namespace, poolName, reader, stranger] = [releaseNamespace, "llm", "llm-epp-metrics-reader", "stranger"];
  const readerObjects = goldenObjects("monitoring").filter(({ metadata }) => metadata.name.endsWith("metrics-reader"));
  await applyRights(plane, [...goldenObjects("high-availability"), ...readerObjects]);
  await admin.ask("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: stranger } });
  await installCrds(plane, () => true);
  await empty(plane, namespace);
  const list = { resourceAttributes: { verb: "list", resource: "pods", namespace } };
  const getMetrics = { nonResourceAttributes: { verb: "get", path: "/metrics" } };
  await until("the picker's rights", () => isGranted(plane, pickerAccount, list), 30_000);
  await until("the reader's rights", () => isGranted(plane, reader, getMetrics), 30_000);
  const token = await tokenOf(plane, pickerAccount);
  const podOf = (options: PodOptions): KubeObject => acceptable(aPod({ ...options, namespace }));
  const poolOf = (options: PoolOptions = {}): KubeObject =>
    acceptable(aKubePool({ ...options, name: poolName, namespace }));
  const set = async (object: KubeObject): Promise<void> => {
    const path = objectPath(object);
    if ((await admin.ask("GET", path)).status === 404) return create(plane, object);
    const { labels = {}, annotations = {} } = object.metadata;
    const spec = object.kind === "Pod" ? undefined : object["spec"];
    await admin.must("PATCH", path, { metadata: { labels, annotations }, spec });
    if (object.kind === "Pod") await admin.must("PATCH", `${path}/status`, { status: object["status"] });
  };
  // A test that fails may leave it down.
  t.after(async () => {
    if (!(await isUp(plane))) await plane.startApiServer();
  });
  return {
    namespace,
    poolName,
    writeKubeconfig: (path) => plane.writeKubeconfig(path, { token }),
    setPool: (options) => set(poolOf(options)),
    removePool: async () => void (await admin.must("DELETE", objectPath(poolOf()))),
    setPod: (options) => set(podOf(options)),
    removePod: async (name) => void (await admin.must("DELETE", objectPath(podOf({ name })))),
    setRights: async (areGranted) => {
      const bindings = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
      const binding = theObject(goldenObjects("high-availability"), "RoleBinding");
      await admin.must("DELETE", `${bindings}/${binding.metadata.name}`, undefined, true);
      if (areGranted) await admin.must("POST", bindings, binding);
      await until("the change", async () => (await isGranted(plane, pickerAccount, list)) === areGranted, 30_000);
    },
    kill: () => plane.killApiServer(),
    start: () => plane.startApiServer(),
    tokens: { reader: await tokenOf(plane, reader), stranger: await tokenOf(plane, stranger) },
  };
}

async function isUp({ admin }: ControlPlane): Promise<boolean> {
  return (await admin.ask("GET", "/readyz").catch(() => ({ status: 0 }))).status === 200;
}

/** Without what only the API server writes, and with what it asks of a pod. */
function acceptable(object: ReturnType<typeof aPod>): KubeObject {
  const { uid: _uid, creationTimestamp: _time, ...metadata } = object.metadata;
  const { kind, spec } = object as unknown as { kind: string; spec: object };
  const image = { containers: [{ name: "vllm", image: "model-server:1" }] };
  return { ...object, spec: kind === "Pod" ? { ...spec, ...image } : spec, metadata } as unknown as KubeObject;
}

async function empty({ admin }: ControlPlane, namespace: string): Promise<void> {
  const kinds = [
    { apiVersion: "v1", kind: "Pod" },
    { apiVersion: "inference.networking.k8s.io/v1", kind: "InferencePool" },
    { apiVersion: "coordination.k8s.io/v1", kind: "Lease" },
  ];
  for (const path of kinds.map((kind) => pathOf(resourceOf(kind), namespace))) {
    await admin.must("DELETE", path);
    const isEmpty = async (): Promise<boolean> =>
      ((await admin.must("GET", path)) as { items: readonly unknown[] }).items.length === 0;
    await until(`an empty ${path}`, isEmpty, 60_000);
  }
}
