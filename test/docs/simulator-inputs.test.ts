import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadNames, namedLoads } from "../../simulator/generators/named-loads.ts";
import { metricsFormats } from "../../simulator/metrics/read-metrics.ts";
import { scenario, scenarioNames } from "../../simulator/scenarios/registry.ts";
import { traceFormats } from "../../simulator/traces/trace-formats.ts";

const page = readFileSync(new URL("../../docs/simulator-inputs.md", import.meta.url), "utf8");

/** Rows of the table below a heading, each as its line. */
function rowsOf(heading: string): string[] {
  const section = page.split(/^##+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return section.split("\n").filter((line) => line.startsWith("| `"));
}

test("docs/simulator-inputs.md lists every format of traces", () => {
  assert.deepEqual(
    rowsOf("Traces of requests"),
    traceFormats.map(({ name, description }) => `| \`${name}\` | ${description} |`),
  );
});

test("docs/simulator-inputs.md lists every generated load", () => {
  assert.deepEqual(
    rowsOf("Generated loads"),
    loadNames.map((name) => `| \`${name}\` | ${namedLoads[name].description} |`),
  );
});

test("docs/simulator-inputs.md lists every scenario", () => {
  assert.deepEqual(
    rowsOf("Scenarios"),
    scenarioNames.map((name) => `| \`${name}\` | ${scenario(name).description} | ${scenario(name).expected} |`),
  );
});

test("docs/simulator-inputs.md lists every form of metrics", () => {
  assert.deepEqual(
    rowsOf("Recorded metrics"),
    metricsFormats.map(({ name, description }) => `| \`${name}\` | ${description} |`),
  );
});
