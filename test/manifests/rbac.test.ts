import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatResource, neededRights } from "../../src/discovery/kubernetes/needed-rights.ts";
import { clusterObjects, goldenObjects, helmScript, theObject } from "../support/manifests.ts";
import { linesOf, permissions, type Rule } from "../support/permissions.ts";

const reads = (resource: string): readonly string[] =>
  ["get", "list", "watch"].map((verb) => `namespace: ${verb} ${resource}`);
const pods = reads("pods");
const pools = reads("inferencepools.inference.networking.k8s.io");
const objects = ["llm-d.ai", "inference.networking.x-k8s.io"].flatMap((group) => [
  ...reads(`inferenceobjectives.${group}`),
  ...reads(`inferencemodelrewrites.${group}`),
]);
const lease = [
  "namespace: get leases.coordination.k8s.io/epp-serving-llm.llm-d.ai",
  "namespace: update leases.coordination.k8s.io/epp-serving-llm.llm-d.ai",
  "namespace: create leases.coordination.k8s.io",
  "namespace: create events",
];
const reviews = [
  "cluster: create tokenreviews.authentication.k8s.io",
  "cluster: create subjectaccessreviews.authorization.k8s.io",
];

const mayDo: Readonly<Record<string, readonly string[]>> = {
  gateway: [...pods, ...pools, ...objects, ...reviews],
  standalone: [...pods, ...pools, ...objects, ...reviews],
  "standalone-service": [...pods, ...objects, ...reviews],
  "high-availability": [...pods, ...pools, ...objects, ...lease, ...reviews],
  monitoring: [...pods, ...pools, ...objects, ...reviews],
  reference: [...pods, ...pools, ...objects, ...lease, ...reviews],
  "former-names": [...pods, ...pools, ...objects, ...lease],
};

for (const name of helmScript.renderedCases) {
  test(`T33 S33 ${name}: the picker may do what it needs and nothing else`, () => {
    assert.deepEqual(permissions(goldenObjects(name), "llm-epp"), mayDo[name]?.toSorted());
  });

  test(`T33 ${name}: no wildcard, no secret, no write but to the lease, events and reviews`, () => {
    const roles = goldenObjects(name).filter(({ kind }) => ["Role", "ClusterRole"].includes(kind));
    assert.ok(roles.length > 0);
    const lines = roles.flatMap(({ rules }) => (rules as readonly Rule[]).flatMap(linesOf));
    assert.deepEqual(
      lines.filter((line) => /\*|secrets|delete|patch|escalate|impersonate|bind/.test(line)),
      [],
    );
    const writes = lines.filter((line) => /^(create|update) /.test(line));
    assert.deepEqual(
      writes.filter((line) => !/ (leases|events|tokenreviews|subjectaccessreviews)\b/.test(line)),
      [],
    );
  });
}

/** Flags of `epp doctor` that suit a golden file. */
const asked: readonly (readonly [name: string, hasElection: boolean, hasReaders: boolean, poolGroup?: string])[] = [
  ["gateway", false, true, "inference.networking.k8s.io"],
  ["standalone-service", false, true],
  ["high-availability", true, true, "inference.networking.k8s.io"],
  ["former-names", true, false, "inference.networking.k8s.io"],
];
for (const [name, hasElection, hasReaders, poolGroup] of asked) {
  test(`${name}: epp doctor asks for the rights that the chart grants`, () => {
    const rights = neededRights({ namespace: "serving", poolName: "llm", poolGroup, hasElection, hasReaders });
    const lines = rights.map((right) => {
      return `${right.namespace === undefined ? "cluster" : "namespace"}: ${right.verb} ${formatResource(right)}`;
    });
    assert.deepEqual(lines.toSorted(), permissions(goldenObjects(name), "llm-epp"));
  });
}

test("T33 the kustomize base gives what the chart gives", () => {
  const base = clusterObjects(readFileSync("manifests/kustomize/base/picker.yaml", "utf8"));
  assert.deepEqual(permissions(base, "llm-epp"), permissions(goldenObjects("gateway"), "llm-epp"));
});

test("T42 Prometheus' token may read /metrics and nothing else", () => {
  assert.deepEqual(permissions(goldenObjects("monitoring"), "llm-epp-metrics-reader"), ["cluster: get /metrics"]);
  const secret = theObject(goldenObjects("monitoring"), "Secret");
  assert.deepEqual(secret.metadata.annotations, {
    "kubernetes.io/service-account.name": "llm-epp-metrics-reader",
  });
});
