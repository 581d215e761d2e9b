import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ClusterObject, clusterObjects, helmPath, helmScript, skipWithoutHelm } from "../support/manifests.ts";

const { goldenFolder, renderChart, renderedCases, valuesFolder } = helmScript;

/** The objects by kind and name: versions of Helm differ in order and empty lines. */
function byName(text: string): Readonly<Record<string, ClusterObject>> {
  return Object.fromEntries(clusterObjects(text).map((object) => [`${object.kind} ${object.metadata.name}`, object]));
}

const golden = (name: string): string => readFileSync(join(goldenFolder, `${name}.yaml`), "utf8");

for (const name of renderedCases) {
  test(`the chart with values/${name}.yaml renders the golden file`, { skip: skipWithoutHelm }, () => {
    const rendered = renderChart(helmPath, ["-f", join(valuesFolder, `${name}.yaml`)]);
    assert.deepEqual(byName(rendered), byName(golden(name)), "npm run manifests writes it anew");
  });
}

test("every golden file is of a values file", () => {
  assert.deepEqual(readdirSync(goldenFolder).toSorted(), renderedCases.map((name) => `${name}.yaml`).toSorted());
});

test("values-standalone.yaml renders as router.proxy.enabled does", { skip: skipWithoutHelm }, () => {
  const labels = ["--set", "router.modelServers.matchLabels.app=vllm"];
  const rendered = renderChart(helmPath, ["-f", join(helmScript.chart, "values-standalone.yaml"), ...labels]);
  assert.deepEqual(byName(rendered), byName(golden("standalone")));
});
