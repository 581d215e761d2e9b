import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { readInferencePool } from "../../src/discovery/kubernetes/inference-pool.ts";
import { readObjects } from "../../src/discovery/objects-file.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { clusterObjects, goldenObjects, helmScript, theObject } from "../support/manifests.ts";

const folder = "manifests/examples";
const files = readdirSync(folder);
const examples = files.flatMap((file) => clusterObjects(readFileSync(`${folder}/${file}`, "utf8")));
const pools = examples.filter(({ kind }) => kind === "InferencePool");

for (const pool of pools) {
  test(`${folder}: the picker takes InferencePool ${pool.metadata.name}`, () => {
    const read = readInferencePool(pool);
    assert.equal(read.kind, "ok", JSON.stringify(read));
    assert.deepEqual(pool.spec.endpointPickerRef, {
      name: `${pool.metadata.name}-epp`,
      port: { number: 9002 },
      failureMode: "FailClose",
    });
  });
}

test("the picker takes the objects of the example pool", () => {
  const read = readObjects(readFileSync(`${folder}/objects.yaml`, "utf8"), "objects.yaml");
  assert.equal(read.kind, "ok", read.kind === "ok" ? "" : formatProblems(read.problems));
  const objects = clusterObjects(readFileSync(`${folder}/objects.yaml`, "utf8"));
  assert.deepEqual([...new Set(objects.map(({ spec }) => spec.poolRef.name))], ["llm"]);
});

test("every route of the examples leads to pools of the examples", () => {
  const names = pools.map(({ metadata }) => metadata.name);
  const routes = examples.filter(({ kind }) => kind === "HTTPRoute");
  assert.ok(routes.length > 0);
  for (const { spec } of routes) {
    for (const { group, kind, name } of spec.rules.flatMap(({ backendRefs }) => backendRefs)) {
      assert.deepEqual([group, kind], ["inference.networking.k8s.io", "InferencePool"]);
      assert.ok(names.includes(name), name);
    }
  }
});

for (const name of helmScript.renderedCases) {
  const rendered = goldenObjects(name).filter(({ kind }) => kind === "InferencePool");
  if (rendered.length === 0) continue;
  test(`${name}: the picker takes the InferencePool that the chart renders`, () => {
    const read = readInferencePool(theObject(rendered, "InferencePool"));
    assert.equal(read.kind, "ok", JSON.stringify(read));
  });
}
