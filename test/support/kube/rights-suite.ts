import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ApiServer } from "../../../src/discovery/kubernetes/api-server.ts";
import { neededRights } from "../../../src/discovery/kubernetes/needed-rights.ts";
import { askOwnName, askOwnRights } from "../../../src/discovery/kubernetes/own-rights.ts";
import { goldenObjects } from "../manifests.ts";
import { linesOf, permissions, type Rule } from "../permissions.ts";
import { applyRights, pickerAccount, releaseNamespace, userOf } from "./chart-rights.ts";
import type { ControlPlane } from "./control-plane.ts";
import { aFolder, connect } from "./reflector-rig.ts";
import { forbiddenAttributes, formatAttributes, type ReviewedAttributes } from "./reviewed-attributes.ts";

const poolGroup = "inference.networking.k8s.io";

/** Golden files of the chart, and with which flags their pickers run. The kustomize base has the roles of `gateway`. */
const installations: readonly {
  readonly name: string;
  readonly scope: {
    readonly poolGroup: string | undefined;
    readonly hasElection: boolean;
    readonly hasReaders: boolean;
  };
}[] = [
  {
    name: "gateway",
    scope: { poolGroup, hasElection: false, hasReaders: true },
  },
  {
    name: "standalone-service",
    scope: { poolGroup: undefined, hasElection: false, hasReaders: true },
  },
  {
    name: "former-names",
    scope: { poolGroup, hasElection: true, hasReaders: false },
  },
  {
    name: "high-availability",
    scope: { poolGroup, hasElection: true, hasReaders: true },
  },
];

/** Holds the rights of the installed picker against what a real API server says of its service account. */
export function rightsSuite(start: () => ControlPlane): void {
  for (const { name, scope } of installations) {
    test(`T33 S33 chart ${name}: the API server lets the picker's account do what its roles say, and nothing else`, async (t) => {
      const plane = start();
      const objects = goldenObjects(name);
      await applyRights(plane, objects);
      const picker = await connectAs(t, plane, pickerAccount);
      assert.equal(await askOwnName(picker), userOf(pickerAccount));
      const stranger = await connectAs(t, plane, "nobody");
      const everybody = new Set(await rulesOf(stranger, releaseNamespace));
      const wanted = permissions(objects, pickerAccount);
      const inNamespace = wanted.map((line) => line.replace(/^\w+: /, ""));
      const ofCluster = wanted.filter((line) => line.startsWith("cluster: ")).map((line) => line.slice(9));
      const own = async (namespace: string): Promise<string[]> =>
        (await rulesOf(picker, namespace)).filter((line) => !everybody.has(line));
      await settled(() => own(releaseNamespace), inNamespace);
      await settled(() => own("default"), ofCluster);

      const needed = neededRights({ ...scope, namespace: releaseNamespace, poolName: "llm" });
      const { rights, problem } = await askOwnRights(picker, needed);
      assert.deepEqual([rights.filter(({ isGranted }) => isGranted !== true), problem], [[], undefined]);
      const strangers = await askOwnRights(stranger, needed);
      assert.deepEqual(
        strangers.rights.filter(({ isGranted }) => isGranted !== false),
        [],
      );
    });
  }

  test("T33 S33 chart high-availability: of a list of what a picker has no business with, nothing is allowed", async (t) => {
    const plane = start();
    await applyRights(plane, goldenObjects("high-availability"));
    const picker = await connectAs(t, plane, pickerAccount);
    const may = async (attributes: ReviewedAttributes): Promise<boolean> => isAllowed(picker, attributes);
    const listPods = { resourceAttributes: { verb: "list", resource: "pods", namespace: releaseNamespace } };
    await settled(async () => `${await may(listPods)}`, "true");
    const list = forbiddenAttributes(releaseNamespace, "llm");
    const allowed: string[] = [];
    for (const attributes of list) if (await may(attributes)) allowed.push(formatAttributes(attributes));
    t.diagnostic(`${list.length} reviews`);
    assert.deepEqual(allowed, []);
  });

  test("T42 chart monitoring: the metrics reader may get /metrics, and no other page or object", async (t) => {
    const plane = start();
    await applyRights(plane, goldenObjects("monitoring"));
    const reader = await connectAs(t, plane, "llm-epp-metrics-reader");
    const everybody = new Set(await rulesOf(await connectAs(t, plane, "nobody"), releaseNamespace));
    const own = async (): Promise<string[]> =>
      (await rulesOf(reader, releaseNamespace)).filter((line) => !everybody.has(line));
    await settled(own, ["get /metrics"]);
    const pages = ["/metrics", "/debug/decisions", "/metrics/slis", "/logs", "/"];
    const allowed: string[] = [];
    for (const path of pages) {
      if (await isAllowed(reader, { nonResourceAttributes: { verb: "get", path } })) allowed.push(path);
    }
    assert.deepEqual(allowed, ["/metrics"]);
  });
}

/** A client of the admin who acts as a service account of the release. */
async function connectAs(t: TestContext, plane: ControlPlane, account: string): Promise<ApiServer> {
  const path = join(aFolder(t), "config");
  plane.writeKubeconfigAs(path, userOf(account));
  return connect(t, path);
}

async function ask(api: ApiServer, kind: string, spec: unknown): Promise<Readonly<Record<string, unknown>>> {
  const path = `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`;
  const body = { apiVersion: "authorization.k8s.io/v1", kind, spec };
  const reply = await api.ask({ method: "POST", path, body, timeoutMs: 10_000 });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return (reply.body as { status: Readonly<Record<string, unknown>> }).status;
}

/** All that who asks may do in a namespace, as `kubectl auth can-i --list` has it, a line a verb and resource. */
async function rulesOf(api: ApiServer, namespace: string): Promise<string[]> {
  const status = await ask(api, "SelfSubjectRulesReview", { namespace });
  assert.equal(status["incomplete"], false);
  const rules = [status["resourceRules"], status["nonResourceRules"]] as readonly (readonly Rule[] | null)[];
  return rules
    .flatMap((some) => some ?? [])
    .flatMap(linesOf)
    .toSorted();
}

async function isAllowed(api: ApiServer, attributes: ReviewedAttributes): Promise<boolean> {
  return (await ask(api, "SelfSubjectAccessReview", attributes))["allowed"] === true;
}

/** Waits until the authorizer has heard of what was changed; fails with the difference after 30 s. */
async function settled<T extends string | readonly string[]>(read: () => Promise<T>, wanted: T): Promise<void> {
  const order = (value: T): unknown => (typeof value === "string" ? value : value.toSorted());
  const want = JSON.stringify(order(wanted));
  const untilMs = performance.now() + 30_000;
  let found = await read();
  while (JSON.stringify(order(found)) !== want && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = await read();
  }
  assert.deepEqual(order(found), order(wanted));
}
