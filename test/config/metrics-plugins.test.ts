import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInEngines, type MetricsConfig } from "../../src/config/metrics-plugins.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { createEngines } from "../../src/scrape/engines.ts";
import { builtInModelServers } from "../../src/scrape/model-servers.ts";
import { aConfig } from "../support/a-plan.ts";

const options = { file: "c.yaml", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };

function load(rest: string): { metrics: MetricsConfig; warnings: string } {
  const loaded = loadConfig(aConfig(rest), options);
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  return { metrics: loaded.config.metrics, warnings: formatProblems(loaded.warnings) };
}

const source = (parameters: string): string => `plugins: [{type: metrics-data-source, parameters: {${parameters}}}]`;
const extractor = (parameters: string): string =>
  `plugins: [{type: core-metrics-extractor, parameters: {${parameters}}}]`;
const engines = (...list: string[]): string => extractor(`engineConfigs: [${list.join(", ")}]`);

test("without parameters pages are read over HTTP from /metrics, and vllm is the default engine", () => {
  for (const text of ["", "plugins: [{type: metrics-data-source}, {type: core-metrics-extractor}]"]) {
    assert.deepEqual(load(text).metrics, {
      source: { scheme: "http", path: "/metrics", insecureSkipVerify: true },
      engineLabelKey: "llm-d.ai/engine-type",
      defaultEngine: "vllm",
      engines: [],
    });
  }
});

test("the built-in names are those of the engines that can be read", () => {
  assert.deepEqual(
    builtInModelServers.map(({ engine }) => engine),
    builtInEngines,
  );
});

test("every parameter of a source arrives, the interval in milliseconds", () => {
  const given =
    "scheme: https, path: prometheus, port: 9400, insecureSkipVerify: false, caCertPath: ca.pem, clientCertPath: c.pem, clientKeyPath: k.pem, interval: 1m30s";
  assert.deepEqual(load(source(given)).metrics.source, {
    scheme: "https",
    path: "/prometheus",
    port: 9400,
    insecureSkipVerify: false,
    caCertPath: "ca.pem",
    clientCertPath: "c.pem",
    clientKeyPath: "k.pem",
    interval: 90_000,
  });
  assert.equal(load(source("interval: 1ms")).metrics.source.interval, 50);
});

test("F8 an engine of a config has the metrics it names; those that are absent or empty are off", () => {
  const mine =
    '{name: mine, queuedRequestsSpec: "q{a=b}", kvUsageSpec: "", cacheInfoSpec: info, cacheNumBlocksLabelName: n, cacheBlockSizeSpec: size, customMetrics: []}';
  assert.deepEqual(load(engines(mine)).metrics.engines, [
    {
      engine: "mine",
      waitingRequests: "q{a=b}",
      runningRequests: undefined,
      kvCacheRatio: undefined,
      adapters: undefined,
      cacheInfo: { spec: "info", blockSizeLabel: "block_size", blocksLabel: "n" },
      cacheBlockSize: "size",
      cacheBlocks: undefined,
    },
  ]);
});

test("F8 an engine with a built-in's name takes its place and keeps what the user wrote", () => {
  const { metrics } = load(engines("{name: vllm, queuedRequestsSpec: my_queue}"));
  const { of, byName } = createEngines(metrics);
  assert.deepEqual([of({ labels: {} }).waitingRequests, of({ labels: {} }).kvCacheRatio], ["my_queue", undefined]);
  assert.deepEqual([...byName.keys()].toSorted(), [...builtInEngines].toSorted());
});

const problems: readonly (readonly [what: string, rest: string, problem: string])[] = [
  ["an unknown scheme", source("scheme: ftp"), 'scheme: expected one of http, https, got "ftp"'],
  ["a path with blanks", source('path: "/a b"'), 'path: expected a path such as /metrics, got "/a b"'],
  ["a port out of range", source("port: 65536"), "port: expected a number of at most 65535, got 65536"],
  ["an interval without unit", source('interval: "50"'), 'interval: expected a duration such as 200ms, got "50"'],
  ["an interval of nothing", source('interval: "0"'), 'interval: expected a duration such as 200ms, got "0"'],
  [
    "a client certificate without its key",
    source("scheme: https, clientCertPath: c.pem"),
    "clientCertPath: given without clientKeyPath, expected both or none",
  ],
  [
    "a client key without its certificate",
    source("scheme: https, clientKeyPath: k.pem"),
    "clientKeyPath: given without clientCertPath, expected both or none",
  ],
  [
    "F8 a default engine that is none",
    extractor("defaultEngine: vlm"),
    'defaultEngine: no engine named "vlm", did you mean "vllm"?',
  ],
  [
    "F8 an engine named default",
    engines("{name: default}"),
    'engineConfigs[0].name: the name "default" is reserved, expected another',
  ],
  [
    "F8 an engine given twice",
    engines("{name: a}", "{name: b}", "{name: a}"),
    'engineConfigs[2].name: the name "a" is taken by engineConfigs[0], expected a new name',
  ],
  ["an engine without a name", engines("{kvUsageSpec: x}"), "engineConfigs[0].name: expected a string, got nothing"],
  [
    "F1 a spec that cannot be read",
    engines('{name: a, kvUsageSpec: "x{a=b"}'),
    'engineConfigs[0].kvUsageSpec: Cannot read metric spec "x{a=b": no closing brace, expected a comma or }',
  ],
  [
    "custom metrics",
    engines("{name: a, customMetrics: [{attributeKey: k, metricSpec: m}]}"),
    "engineConfigs[0].customMetrics: not available in this version: no plugin reads metrics beyond those of the other fields",
  ],
];
for (const [what, rest, problem] of problems) {
  test(`loadConfig refuses ${what}`, () => {
    const loaded = loadConfig(aConfig(rest), options);
    assert.ok(loaded.kind === "invalid");
    assert.deepEqual(
      loaded.problems.map(({ path, message }) => `${path}: ${message}`),
      [`plugins[0].parameters.${problem}`],
    );
  });
}

test("loadConfig refuses a second source and a second extractor", () => {
  const types = ["metrics-data-source", "core-metrics-extractor"];
  const list = types.flatMap((type) => [`{type: ${type}}`, `{type: ${type}, name: more-${type}}`]);
  const loaded = loadConfig(aConfig(`plugins: [${list.join(", ")}]`), options);
  assert.ok(loaded.kind === "invalid");
  assert.deepEqual(
    loaded.problems.map(({ path, message }) => `${path}: ${message}`),
    types.map(
      (type, i) =>
        `plugins[${i * 2 + 1}]: "more-${type}" is a second ${type} beside "${type}", expected one: every endpoint has one metrics page`,
    ),
  );
});

const cautions: readonly (readonly [rest: string, warning: string])[] = [
  [
    source("scheme: https, caCertPath: ca.pem"),
    "c.yaml:3:79 plugins[0].parameters.caCertPath: has no effect: insecureSkipVerify is true, expected false to verify the servers' certificates",
  ],
  [
    source("insecureSkipVerify: false, caCertPath: ca.pem"),
    "c.yaml:3:91 plugins[0].parameters.caCertPath: has no effect: the scheme is http",
  ],
];
for (const [rest, warning] of cautions) {
  test(`loadConfig warns: ${warning}`, () => assert.equal(load(rest).warnings, warning));
}
