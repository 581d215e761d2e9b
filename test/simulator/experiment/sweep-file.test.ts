import assert from "node:assert/strict";
import { test } from "node:test";
import { readSweep } from "../../../simulator/experiment/sweep-file.ts";
import { toPolicy } from "../../../simulator/experiment/simulate-policy.ts";

const noFile = (path: string): string => assert.fail(path);

test("weights make a config for each combination, the last running fastest, all of which can be used", () => {
  const { weighted } = readSweep(
    "weights: { grid: { queue-scorer: [1, 2], prefix-cache-scorer: [0, 3, 5] } }",
    "s.yaml",
    noFile,
  );
  assert.deepEqual(
    weighted.map(({ name }) => name),
    [1, 2].flatMap((queue) => [0, 3, 5].map((prefix) => `queue=${queue} prefix-cache=${prefix}`)),
  );
  for (const spec of weighted) assert.equal(toPolicy(spec).name, spec.name);
  assert.match(
    weighted[4]?.text ?? "",
    /pluginRef: queue-scorer\n\s+weight: 2\n[^]*pluginRef: prefix-cache-scorer\n\s+weight: 3/,
  );
});

test("paths are relative to the sweep's folder; names of policies are not paths", () => {
  const read: string[] = [];
  const { trace, policies } = readSweep(
    "trace: t.jsonl\npolicies: [random, mine.yaml]\nweights: { config: base.yaml, grid: { a: [1] } }",
    "/sweeps/s.yaml",
    (path) => {
      read.push(path);
      return "schedulingProfiles: [{ plugins: [{ pluginRef: a }] }]";
    },
  );
  assert.deepEqual(
    [trace, policies, read],
    ["/sweeps/t.jsonl", ["random", "/sweeps/mine.yaml"], ["/sweeps/base.yaml"]],
  );
});

test("every problem has its place", () => {
  const text = "rateScales: [0]\nreplicas: []\nseeds: 1.5\nscrapeMS: [50]\n";
  assert.throws(
    () => readSweep(text, "s.yaml", noFile),
    (error: Error) => {
      assert.equal(error.message.split("\n").length, 4);
      assert.match(error.message, /^s\.yaml:1:14 rateScales\[0\]: expected a number greater than 0, got 0$/m);
      assert.match(error.message, /scrapeMS: unknown field, did you mean "scrapeMs"\?$/m);
      return true;
    },
  );
  const unknown = "weights:\n  grid: { queue-scorer: [1], lora-affinity-scorer: [1] }\n";
  assert.throws(
    () => readSweep(unknown, "s.yaml", noFile),
    /^TypeError: s\.yaml:2:30 weights\.grid\.lora-affinity-scorer: no profile/,
  );
});
