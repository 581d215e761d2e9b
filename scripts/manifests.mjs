#!/usr/bin/env node
// Writes what is made from something else: the golden files of test/fixtures/manifests and the kustomize base from the chart,
// for which it needs Helm, and the dashboard.
//   npm run manifests
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dashboardText } from "./dashboard.mjs";
import { findHelm, goldenFolder, renderChart, renderedCases, valuesFolder } from "./helm.mjs";
import { kustomizeBase } from "./kustomize-base.mjs";

writeFileSync(new URL("../manifests/monitoring/dashboard.json", import.meta.url), dashboardText());
const helm = findHelm(process.env);
if (helm === undefined) {
  process.stderr.write("Cannot render the chart: no helm on PATH; install Helm 3, or set HELM_BIN\n");
  process.exit(1);
}
for (const name of renderedCases) {
  writeFileSync(join(goldenFolder, `${name}.yaml`), renderChart(helm, ["-f", join(valuesFolder, `${name}.yaml`)]));
}
const base = new URL("../manifests/kustomize/base/picker.yaml", import.meta.url);
writeFileSync(base, kustomizeBase(readFileSync(join(goldenFolder, "gateway.yaml"), "utf8")));
