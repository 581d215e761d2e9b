import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { legacyNames, metricNames, streamMetricNames } from "../../src/telemetry/names.ts";

const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
const code = (names: readonly string[]): string =>
  names.length === 0 ? "-" : names.map((name) => `\`${name}\``).join(", ");

test("docs/metrics.md lists every metric as the code exports it", () => {
  const want = Object.values({ ...metricNames, ...streamMetricNames }).map(
    ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${code(labels)} | ${help} |`,
  );
  assert.deepEqual(
    page.split("\n").filter((line) => /^\| `(llm_d_)?epp_/.test(line)),
    want,
  );
});

test("docs/metrics.md lists every deprecated name", () => {
  const want = legacyNames.map(
    ({ from, to, labels }) => `| \`${to}\` | \`${metricNames[from].name}\` | ${code(Object.keys(labels))} |`,
  );
  assert.deepEqual(
    page.split("\n").filter((line) => line.startsWith("| `inference_")),
    want,
  );
});
