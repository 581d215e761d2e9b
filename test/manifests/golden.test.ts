import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { helmPath, helmScript, skipWithoutHelm } from "../support/manifests.ts";

const { goldenFolder, renderChart, renderedCases, valuesFolder } = helmScript;

for (const name of renderedCases) {
  test(`the chart with values/${name}.yaml renders the golden file`, { skip: skipWithoutHelm }, () => {
    const rendered = renderChart(helmPath, ["-f", join(valuesFolder, `${name}.yaml`)]);
    assert.equal(
      rendered,
      readFileSync(join(goldenFolder, `${name}.yaml`), "utf8"),
      "npm run manifests writes it anew",
    );
  });
}

test("every golden file is of a values file", () => {
  assert.deepEqual(readdirSync(goldenFolder).toSorted(), renderedCases.map((name) => `${name}.yaml`).toSorted());
});

test("values-standalone.yaml renders as router.proxy.enabled does", { skip: skipWithoutHelm }, () => {
  const labels = ["--set", "router.modelServers.matchLabels.app=vllm"];
  const rendered = renderChart(helmPath, ["-f", join(helmScript.chart, "values-standalone.yaml"), ...labels]);
  assert.equal(rendered, readFileSync(join(goldenFolder, "standalone.yaml"), "utf8"));
});
