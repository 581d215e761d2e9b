import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { type DeployedPicker, startDeployed } from "../support/a-deployed-picker.ts";
import type { SeenRequest } from "../support/fake-api-server.ts";
import { connectHealth } from "../support/health-client.ts";
import { targetOf } from "../support/kube/resources.ts";
import { goldenObjects, pickerContainer, theObject } from "../support/manifests.ts";
import { permissions } from "../support/permissions.ts";
import { until } from "../support/until.ts";

/** What a request asks for, as a line of `permissions`. */
function lineOf({ method, path, isWatch }: SeenRequest): string {
  const review = /^\/apis\/([^/]+)\/v1\/(\w+reviews)$/.exec(path);
  if (review !== null) return `cluster: create ${review[2]}.${review[1]}`;
  const target = targetOf(path);
  if (target === undefined) return `unknown: ${method} ${path}`;
  const { resource, namespace, name } = target;
  const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };
  const verb = verbs[method] ?? (isWatch ? "watch" : name === "" ? "list" : "get");
  const scope = namespace === "serving" ? "namespace" : `namespace ${namespace || "any"}`;
  return `${scope}: ${verb} ${resource.plural}${resource.group && `.${resource.group}`}${name && `/${name}`}`;
}

/** A role that names no object allows each one; a role for one object allows that alone. */
function isAllowed(line: string, allowed: readonly string[]): boolean {
  return allowed.includes(line) || allowed.includes(line.replace(/\/[^/]*$/, ""));
}

/** Everything that makes a picker ask: start, election, changes of the cluster, a reader of metrics, the end. */
async function live(t: TestContext, { api, child, ports }: DeployedPicker, hasElection: boolean): Promise<void> {
  api.review = (review, plural) => ({
    ...review,
    status: plural === "tokenreviews" ? { authenticated: true, user: { username: "u" } } : { allowed: true },
  });
  const health = connectHealth(t, ports.grpcHealthPort).watch(hasElection ? "readiness" : "inference-extension");
  while ((await health.next()) !== "SERVING");
  const headers = { authorization: "Bearer t" };
  assert.equal((await fetch(`http://127.0.0.1:${ports.metricsPort}/metrics`, { headers })).status, 200);
  const renewals = (): number => api.seen.filter(({ method }) => method === "PUT").length;
  if (hasElection) await until("a renewal", () => renewals() >= 1);
  for (const plural of ["pods", "inferencepools"]) api.endWatches(plural);
  const before = api.seen.length;
  await until("new watches", () => api.seen.length > before);
  const ended = once(child, "exit");
  for (const signal of ["SIGTERM", "SIGTERM"] as const) child.kill(signal);
  await ended;
}

for (const name of ["gateway", "standalone-service", "high-availability"]) {
  test(`T33 ${name}: the picker asks the API server for nothing that its roles do not allow`, async (t) => {
    const objects = goldenObjects(name);
    const picker = await startDeployed(t, { objects, podIp: "127.0.3.9" });
    const { args } = pickerContainer(theObject(objects, "Deployment", "llm-epp"));
    const hasElection = args.some((arg) => /^--ha-enable-leader-election(=true)?$/.test(arg));
    assert.equal(hasElection, name === "high-availability");
    await live(t, picker, hasElection);
    const allowed = permissions(objects, "llm-epp");
    const asked = [...new Set(picker.api.seen.map(lineOf))].toSorted();
    assert.deepEqual(
      asked.filter((line) => !isAllowed(line, allowed)),
      [],
    );
    const unused = allowed.filter((line) => !asked.some((asking) => isAllowed(asking, [line])));
    t.diagnostic(`asked: ${asked.length}; allowed and not asked here: ${unused.join(", ")}`);
  });
}
