import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { PoolSource } from "../../src/discovery/kubernetes/cluster-pool.ts";
import { defaultMaxPods } from "../../src/discovery/kubernetes/pod-membership.ts";
import { type PodRules, podRefusals } from "../../src/discovery/kubernetes/pod-refusal.ts";
import { findInCluster } from "../../src/doctor/cluster-findings.ts";
import { describeCluster } from "../../src/doctor/cluster-report.ts";
import {
  type ClusterFacts,
  entriesOf,
  examineCluster,
  type ExamineClusterOptions,
} from "../../src/doctor/examine-cluster.ts";
import { aCluster, type TestCluster } from "../support/a-cluster.ts";
import { grantAllBut, pickerUser } from "../support/a-rights-review.ts";
import { aPod, type PodOptions } from "../support/kube-objects.ts";
import { connectTo } from "../support/kube/reflector-rig.ts";

const thePool: PoolSource = { kind: "object", group: "inference.networking.k8s.io", name: "pool" };

/** A cluster with a pool of one ready pod, in which everything is granted. */
async function aWellCluster(t: TestContext): Promise<TestCluster> {
  const cluster = await aCluster(t);
  cluster.server.review = grantAllBut();
  cluster.setPool();
  cluster.setPod({ name: "a" });
  return cluster;
}

async function examine(
  t: TestContext,
  cluster: TestCluster,
  { rules = {}, ...options }: Partial<ExamineClusterOptions> & { readonly rules?: PodRules } = {},
): Promise<ClusterFacts> {
  const { api } = await connectTo(t, cluster.server);
  return examineCluster({
    api,
    namespace: "ns",
    poolName: "pool",
    source: thePool,
    hasElection: true,
    hasReaders: true,
    maxPods: defaultMaxPods,
    refusalOf: podRefusals(rules, api),
    ...options,
  });
}

/** Findings as lines. */
function lines(facts: ClusterFacts): string[] {
  return findInCluster(facts).map(
    ({ severity, code, endpoints, message }) => `${severity} ${code} [${endpoints.join(" ")}] ${message}`,
  );
}

test("a pool of a cluster where all is granted and known gives no finding", async (t) => {
  const cluster = await aWellCluster(t);
  const facts = await examine(t, cluster);
  assert.deepEqual(lines(facts), []);
  const { user, pool, resources, pods } = describeCluster(facts);
  assert.equal(user, pickerUser);
  assert.deepEqual(pool, { selector: { app: "vllm" }, targetPorts: [8000] });
  assert.deepEqual(pods, [{ name: "a", ip: "10.0.0.1", endpoints: ["ns/a-rank-0"] }]);
  assert.deepEqual(
    resources.map(({ resource, kind, granted, missing }) => [resource, kind, granted.join(), missing.join()]),
    [
      ["pods", undefined, "get,list,watch", ""],
      ["inferencepools.inference.networking.k8s.io", "known", "get,list,watch", ""],
      ["inferenceobjectives.llm-d.ai", "known", "get,list,watch", ""],
      ["inferencemodelrewrites.llm-d.ai", "known", "get,list,watch", ""],
      ["inferenceobjectives.inference.networking.x-k8s.io", "known", "get,list,watch", ""],
      ["inferencemodelrewrites.inference.networking.x-k8s.io", "known", "get,list,watch", ""],
      ["leases.coordination.k8s.io/epp-ns-pool.llm-d.ai", undefined, "get,update", ""],
      ["leases.coordination.k8s.io", undefined, "create", ""],
      ["events", undefined, "create", ""],
      ["tokenreviews.authentication.k8s.io", undefined, "create", ""],
      ["subjectaccessreviews.authorization.k8s.io", undefined, "create", ""],
    ],
  );
  assert.deepEqual(
    entriesOf(facts).map(({ name, namespace, host, port }) => `${namespace}/${name} ${host}:${port}`),
    ["ns/a-rank-0 10.0.0.1:8000"],
  );
  assert.deepEqual(
    cluster.server.seen.filter(({ method, path }) => method !== "GET" && !path.includes("reviews")),
    [],
  );
});

test("no right of election or of readers is asked for where there is none, and no InferencePool of given pods", async (t) => {
  const cluster = await aWellCluster(t);
  const pool = { selector: { app: "vllm" }, targetPorts: [8000, 8001], appProtocol: undefined };
  const facts = await examine(t, cluster, { source: { kind: "given", pool }, hasElection: false, hasReaders: false });
  const { resources, pods } = describeCluster(facts);
  assert.deepEqual(
    resources.map(({ resource }) => resource.split(".")[0]),
    ["pods", "inferenceobjectives", "inferencemodelrewrites", "inferenceobjectives", "inferencemodelrewrites"],
  );
  assert.deepEqual(pods?.[0]?.endpoints, ["ns/a-rank-0", "ns/a-rank-1"]);
});

const missingRights: readonly (readonly [denied: readonly string[], want: readonly string[]])[] = [
  [
    ["list pods", "watch pods"],
    [
      `error right-missing [] ${pickerUser} may not list, watch pods in namespace "ns": the picker would have no endpoints`,
    ],
  ],
  [
    ["watch inferencepools"],
    [
      `error right-missing [] ${pickerUser} may not watch inferencepools.inference.networking.k8s.io in namespace "ns": the picker would have no endpoints`,
    ],
  ],
  [
    ["list inferenceobjectives.llm-d.ai"],
    [
      `warning right-missing [] ${pickerUser} may not list inferenceobjectives.llm-d.ai in namespace "ns": these objects would have no effect`,
    ],
  ],
  [
    ["create leases", "update leases"],
    [
      `error right-missing [] ${pickerUser} may not update leases.coordination.k8s.io/epp-ns-pool.llm-d.ai; create leases.coordination.k8s.io in namespace "ns": no picker would lead`,
    ],
  ],
  [
    ["create tokenreviews"],
    [
      `warning right-missing [] ${pickerUser} may not create tokenreviews.authentication.k8s.io: whoever reads /metrics would get 503`,
    ],
  ],
  [
    ["get pods"],
    [`note right-missing [] ${pickerUser} may not get pods in namespace "ns": the picker does not ask for it`],
  ],
];
for (const [denied, want] of missingRights) {
  test(`the missing right to ${denied.join(" and ")} is named with what it costs`, async (t) => {
    const cluster = await aWellCluster(t);
    cluster.server.review = grantAllBut(denied);
    assert.deepEqual(lines(await examine(t, cluster)), want);
  });
}

test("an API server that does not answer reviews leaves rights unknown, and all else is found", async (t) => {
  const cluster = await aWellCluster(t);
  cluster.server.forbidden.add("selfsubjectaccessreviews").add("selfsubjectreviews");
  const facts = await examine(t, cluster);
  assert.deepEqual(lines(facts), [
    'warning rights-unknown [] the API server does not say what whoever asks may do: create SelfSubjectAccessReview: found status 403, "Forbidden", expected 200',
  ]);
  assert.deepEqual(describeCluster(facts).resources[0]?.unknown, ["get", "list", "watch"]);
});

test("reviews that say nothing leave rights unknown", async (t) => {
  const cluster = await aWellCluster(t);
  cluster.server.review = (review) => review;
  assert.deepEqual(lines(await examine(t, cluster)), [
    "warning rights-unknown [] the API server does not say what whoever asks may do: create SelfSubjectAccessReview: found no status.allowed, expected true or false",
  ]);
});

/** A pod, and why it has no endpoint: the report's word, and the finding. */
const excluded: readonly (readonly [pod: PodOptions, why: string, finding: string])[] = [
  [{ isReady: false }, "not-ready", "note pod-excluded [ns/b] no endpoint: condition Ready, it is not True"],
  [{ isTerminating: true }, "terminating", "note pod-excluded [ns/b] no endpoint: the pod is being deleted"],
  [{ ip: "" }, "no-address", "warning pod-excluded [ns/b] no endpoint: ready, but without an address"],
  [
    { annotations: { "llm-d.ai/active-ports": "9000" } },
    "no-active-port",
    "note pod-excluded [ns/b] no endpoint: its annotation active-ports names no port of the pool",
  ],
  [
    { ip: "169.254.169.254" },
    "metadata",
    "warning pod-refused [ns/b] refused: no pod has an address such as 169.254.169.254 (metadata)",
  ],
  [
    { ip: "192.168.0.1" },
    "node",
    "warning pod-refused [ns/b] refused: 192.168.0.1 is its node's address (hostNetwork)",
  ],
  [
    { serviceAccount: "stranger" },
    "service-account",
    "warning pod-refused [ns/b] refused: runs as service account stranger, not as --pod-service-account says",
  ],
];
for (const [pod, why, finding] of excluded) {
  test(`a pod that is no endpoint is listed with the reason ${why}`, async (t) => {
    const cluster = await aWellCluster(t);
    cluster.setPod({ name: "b", ...pod });
    const facts = await examine(t, cluster, { rules: { podServiceAccount: "default" } });
    assert.deepEqual(lines(facts), [finding]);
    const pods = describeCluster(facts).pods?.map((entry) => [entry.name, entry.endpoints.length, entry.why]);
    assert.deepEqual(pods, [
      ["a", 1, undefined],
      ["b", 0, why],
    ]);
  });
}

test("the words of the condition Ready are shown, made fit for a terminal", async (t) => {
  const cluster = await aWellCluster(t);
  const ready = { type: "Ready", status: "False", reason: "ContainersNotReady", message: "unready: [vllm]\u001b[31m" };
  cluster.set({ ...aPod({ name: "b" }), status: { podIP: "10.0.0.2", conditions: [ready] } });
  assert.deepEqual(lines(await examine(t, cluster)), [
    "note pod-excluded [ns/b] no endpoint: condition Ready, ContainersNotReady: unready: [vllm]?[31m",
  ]);
});

test("pods beyond the most are named", async (t) => {
  const cluster = await aWellCluster(t);
  cluster.setPod({ name: "b", ip: "10.0.0.2" });
  assert.deepEqual(lines(await examine(t, cluster, { maxPods: 1 })), [
    "warning pod-refused [ns/b] refused: the pool has as many pods as it may",
  ]);
});

const noEndpoints = ": every request is answered with 503";
/** What is wrong with a pool, and all that is said of it. */
const wrongPools: readonly (readonly [what: string, spoil: (cluster: TestCluster) => void, want: string])[] = [
  [
    "missing",
    (cluster) => {
      cluster.removePool();
      cluster.setPool({ name: "pool-2" });
    },
    'error pool-missing [] no InferencePool "pool" in namespace "ns", found pool-2',
  ],
  [
    "missing where there is none",
    (cluster) => cluster.removePool(),
    'error pool-missing [] no InferencePool "pool" in namespace "ns", found none',
  ],
  [
    "being deleted",
    (cluster) => cluster.setPool({ isTerminating: true }),
    'error pool-missing [] the InferencePool "pool" in namespace "ns" is being deleted: it has no endpoints',
  ],
  [
    "not usable",
    (cluster) => cluster.setPool({ ports: [0] }),
    'error pool-invalid [] the InferencePool "pool" in namespace "ns" is not usable: spec.targetPorts[0].number: expected a port from 1 to 65535, got 0',
  ],
  [
    "without a pod",
    (cluster) => cluster.removePod("a"),
    `error no-endpoints [] no pod in namespace "ns" has the labels app=vllm${noEndpoints}`,
  ],
];
for (const [what, spoil, want] of wrongPools) {
  test(`a pool that is ${what} is one error`, async (t) => {
    const cluster = await aWellCluster(t);
    spoil(cluster);
    assert.deepEqual(lines(await examine(t, cluster)), [want]);
  });
}

test("a pool none of whose pods is an endpoint is an error beside the reasons", async (t) => {
  const cluster = await aWellCluster(t);
  cluster.setPod({ name: "a", isReady: false });
  assert.deepEqual(lines(await examine(t, cluster)), [
    `error no-endpoints [] none of the 1 pods with the labels app=vllm is an endpoint${noEndpoints}`,
    "note pod-excluded [ns/a] no endpoint: condition Ready, it is not True",
  ]);
});

test("a forbidden list is one error: the missing right", async (t) => {
  const cluster = await aWellCluster(t);
  for (const list of ["list pods", "list inferencepools"]) {
    cluster.server.review = grantAllBut([list]);
    cluster.server.forbidden.clear();
    cluster.server.forbidden.add(list);
    const [found, ...others] = lines(await examine(t, cluster));
    assert.deepEqual(others, []);
    assert.ok(found?.startsWith(`error right-missing [] ${pickerUser} may not ${list}`), found);
  }
});

test("a list that is forbidden although it is granted is one error", async (t) => {
  const cluster = await aWellCluster(t);
  const refused = 'list: found status 403, "Forbidden", expected 200';
  cluster.server.forbidden.add("list pods");
  assert.deepEqual(lines(await examine(t, cluster)), [
    `error pods-unanswered [] cannot ask for the pods in namespace "ns": pods: ${refused}`,
  ]);
  cluster.server.forbidden.add("list inferencepools");
  assert.deepEqual(lines(await examine(t, cluster)), [
    `error pool-unanswered [] cannot ask for InferencePool "pool" in namespace "ns": inferencepools: ${refused}`,
  ]);
});

/** CRDs that are not there, and what is said. */
const absences: readonly (readonly [absent: readonly string[], want: readonly string[]])[] = [
  [["inferenceobjectives.inference.networking.x-k8s.io"], []],
  [
    ["inferenceobjectives", "inferencemodelrewrites"],
    [
      "note kind-absent [] the API server knows inferenceobjectives and inferencemodelrewrites in neither group: they have no effect",
    ],
  ],
  [
    ["inferencepools"],
    [
      "error kind-absent [] the API server does not know inferencepools.inference.networking.k8s.io v1: the picker waits for it and has no endpoints",
    ],
  ],
];
for (const [absent, want] of absences) {
  test(`without the CRDs ${absent.join(", ")}: ${want.length} finding`, async (t) => {
    const cluster = await aWellCluster(t);
    for (const name of absent) cluster.server.absent.add(name);
    cluster.server.review = grantAllBut(absent.map((name) => `list ${name}`));
    assert.deepEqual(lines(await examine(t, cluster)), want);
  });
}
