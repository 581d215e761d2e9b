import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { defaultConfigText } from "../../src/config/default-config.ts";
import { type CompiledConfig, type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { aConfig } from "../support/a-plan.ts";

const options = { file: "c.yaml", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };

function load(text: string | undefined): { config: CompiledConfig; warnings: string[] } {
  const loaded: LoadedConfig = loadConfig(text, options);
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  return { config: loaded.config, warnings: lines(formatProblems(loaded.warnings)) };
}

function problemsOf(text: string): string[] {
  const loaded = loadConfig(text, options);
  return loaded.kind === "ok" ? [] : lines(formatProblems(loaded.problems));
}

const lines = (text: string): string[] => (text === "" ? [] : text.split("\n"));

/** The profiles as `name: type xWeight ... -> picker`. */
function outline({ plan }: CompiledConfig): string[] {
  return plan.profiles.map(({ name, filters, scorers, picker }) => {
    const used = [...filters.map(({ type }) => type), ...scorers.map(({ type, weight }) => `${type} x${weight}`)];
    return `${name}: ${used.join(", ")} -> ${picker.type}`;
  });
}

const defaultOutline = [
  "default: queue-scorer x2, kv-cache-utilization-scorer x2, prefix-cache-scorer x3 -> max-score-picker",
];

test("G1 no config gives queue 2, kv-cache 2, prefix-cache 3, max-score and the producer it needs", () => {
  const { config, warnings } = load(undefined);
  assert.deepEqual(outline(config), defaultOutline);
  assert.deepEqual(
    config.plan.producers.map(({ name }) => name),
    ["approx-prefix-cache-producer"],
  );
  assert.equal(config.plan.handler.type, "single-profile-handler");
  assert.deepEqual(config.parsers, ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"]);
  assert.deepEqual(warnings, []);
});

test("G1 an empty file gives the defaults and a warning", () => {
  for (const text of ["", "\n\n", "# nothing yet\n"]) {
    const { config, warnings } = load(text);
    assert.deepEqual(outline(config), defaultOutline);
    assert.deepEqual(warnings, ["c.yaml:1:1: the file is empty: the default profile is used"]);
  }
});

test("the revision depends on the text alone", () => {
  assert.equal(load(undefined).config.revision, load(defaultConfigText).config.revision);
  assert.notEqual(load(`${defaultConfigText}# more\n`).config.revision, load(undefined).config.revision);
  assert.match(load(undefined).config.revision, /^[0-9a-f]{12}$/);
});

test("a config is frozen", () => {
  const { plan } = load(undefined).config;
  for (const part of [plan, plan.profiles, plan.profiles[0], plan.profiles[0]?.scorers[0]])
    assert.ok(Object.isFrozen(part));
});

const accepted: [what: string, rest: string, outline: string[], warnings?: string[]][] = [
  ["no plugins at all", "", ["default:  -> max-score-picker"]],
  ["an empty list of plugins", "plugins:\n", ["default:  -> max-score-picker"]],
  [
    "plugins without profiles: each scorer has weight 1",
    "plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}, {type: random-picker}]",
    ["default: queue-scorer x1, kv-cache-utilization-scorer x1 -> random-picker"],
  ],
  [
    "weights of 0 and below, and 1 where none is given",
    `plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}, {type: lora-affinity-scorer}]
schedulingProfiles:
  - name: p
    plugins:
      - {pluginRef: queue-scorer, weight: 0}
      - {pluginRef: kv-cache-utilization-scorer, weight: -0.5}
      - {pluginRef: lora-affinity-scorer}`,
    ["p: queue-scorer x0, kv-cache-utilization-scorer x-0.5, lora-affinity-scorer x1 -> max-score-picker"],
  ],
  [
    "names, and one type twice",
    `plugins: [{type: queue-scorer, name: a}, {type: queue-scorer, name: b}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: b, weight: 3}]}]`,
    ["p: queue-scorer x3 -> max-score-picker"],
    ['c.yaml:3:11 plugins[0]: has no effect: no profile uses "a" (queue-scorer)'],
  ],
  [
    "G2 the deprecated API group",
    "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\n",
    ["default:  -> max-score-picker"],
    ['c.yaml:1:13 apiVersion: "inference.networking.x-k8s.io/v1alpha1" is deprecated, expected "llm-d.ai/v1alpha1"'],
  ],
  [
    "G2 the deprecated top-level parser",
    "plugins: [{type: openai-parser}]\nparser: {pluginRef: openai-parser}",
    ["default:  -> max-score-picker"],
    ["c.yaml:4:1 parser: deprecated, expected requestHandler.parsers"],
  ],
  [
    "former names of the label filter",
    "plugins: [{type: by-label-selector, parameters: {matchLabels: {a: b}}}, {type: by-label, parameters: {label: a, allowsNoLabel: true}}]",
    ["default: by-label-selector, by-label -> max-score-picker"],
    [
      'c.yaml:3:18 plugins[0].type: "by-label-selector" is deprecated, expected label-selector-filter',
      'c.yaml:3:80 plugins[1].type: "by-label" is deprecated, expected label-selector-filter',
    ],
  ],
  [
    "G4 a flowControl section without its gate",
    "featureGates: [flowControl=false]\nflowControl: {maxBytes: 1GB, defaultRequestTTL: 60s}",
    ["default:  -> max-score-picker"],
    ["c.yaml:4:1 flowControl: has no effect but for saturationDetector: the feature gate flowControl is off"],
  ],
  [
    "G2 the deprecated top-level saturationDetector",
    `plugins: [{type: concurrency-detector, name: full}]
schedulingProfiles: [{name: p, plugins: []}]
saturationDetector: {pluginRef: full}`,
    ["p:  -> max-score-picker"],
    ["c.yaml:5:1 saturationDetector: deprecated, expected flowControl.saturationDetector"],
  ],
  [
    "a saturation detector among the plugins: also a filter when there are no profiles",
    "plugins: [{type: utilization-detector, parameters: {queueDepthThreshold: 7}}]",
    ["default: utilization-detector -> max-score-picker"],
  ],
  [
    "a second saturation detector and parameters that do little, with warnings",
    `plugins:
  - {type: concurrency-detector, parameters: {headroom: 20}}
  - {type: utilization-detector, parameters: {metricsStalenessThreshold: 2s}}
schedulingProfiles: [{name: p, plugins: []}]`,
    ["p:  -> max-score-picker"],
    [
      "c.yaml:4:57 plugins[0].parameters.headroom: endpoints may go beyond twice their threshold, expected a fraction such as 0.2",
      'c.yaml:5:5 plugins[1]: has no effect: "concurrency-detector" is the saturation detector, no profile uses "utilization-detector" (utilization-detector)',
      "c.yaml:5:74 plugins[1].parameters.metricsStalenessThreshold: has no effect: a signal loses weight as it ages, no age makes an endpoint full",
    ],
  ],
  [
    "the gate haPopulateNonLeaderDatastore",
    "featureGates: [haPopulateNonLeaderDatastore=false]",
    ["default:  -> max-score-picker"],
    ["c.yaml:3:16 featureGates[0]: has no effect: every picker reads its endpoints' metrics itself"],
  ],
  [
    "the metrics source and extractor with their defaults",
    `plugins: [{type: metrics-data-source}, {type: core-metrics-extractor, parameters: {}}, {type: token-producer}]
dataLayer:
  injectDefaults: false
  sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: core-metrics-extractor}]}]`,
    ["default:  -> max-score-picker"],
  ],
  [
    "the estimates of the token producer, with a warning",
    "plugins: [{type: token-producer, parameters: {estimate: {image: {mode: static, static: {staticToken: 256}}}}}]",
    ["default:  -> max-score-picker"],
    [
      "c.yaml:3:57 plugins[0].parameters.estimate: has no effect: images, video and sound count as a few bytes of the prompt",
    ],
  ],
  [
    "a list of destinations, with a warning",
    "plugins: [{type: random-picker, parameters: {maxNumOfEndpoints: 2}}]",
    ["default:  -> random-picker"],
    [
      "c.yaml:3:65 plugins[0].parameters.maxNumOfEndpoints: the destination will be a list, expected 1 unless the gateway's cluster reads lists (override_host does)",
    ],
  ],
  [
    "what does nothing where it is, with a warning",
    `plugins: [{type: openai-parser}, {type: random-picker}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: openai-parser}, {pluginRef: random-picker, weight: 2}]}]`,
    ["p:  -> random-picker"],
    [
      'c.yaml:4:42 schedulingProfiles[0].plugins[0]: "openai-parser" (openai-parser) does nothing in a profile, expected a filter, scorer or picker',
      'c.yaml:4:105 schedulingProfiles[0].plugins[1].weight: has no effect: "random-picker" (random-picker) is not a scorer',
    ],
  ],
];

for (const [what, rest, profiles, warned = []] of accepted) {
  test(`loadConfig accepts ${what}`, () => {
    const { config, warnings } = load(rest.startsWith("apiVersion") ? rest : aConfig(rest));
    assert.deepEqual(outline(config), profiles);
    assert.deepEqual(warnings, warned);
  });
}

test("G6 a list of parsers is used as it stands, each type once", () => {
  const plugins = "plugins: [{type: passthrough-parser}, {type: openai-parser}, {type: openai-parser, name: again}]\n";
  const parsers = "[{pluginRef: passthrough-parser}, {pluginRef: openai-parser}, {pluginRef: again}]";
  const { config } = load(aConfig(`${plugins}requestHandler: {parsers: ${parsers}}`));
  assert.deepEqual(config.parsers, ["passthrough-parser", "openai-parser"]);
});

test("a producer is made only for plugins that are used, and is found by the name a parameter gives", () => {
  const text = aConfig(`plugins:
  - {type: approx-prefix-cache-producer, name: small, parameters: {lruCapacityPerServer: 10}}
  - {type: approx-prefix-cache-producer, name: large}
  - {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: large}}
`);
  assert.deepEqual(
    load(text).config.plan.producers.map(({ name }) => name),
    ["large"],
  );
  assert.deepEqual(load(aConfig("plugins: [{type: approx-prefix-cache-producer}]")).config.plan.producers, []);
});

for (const file of readdirSync("manifests/config").filter((name) => name.endsWith(".yaml"))) {
  test(`manifests/config/${file} loads without a warning`, () => {
    const { config, warnings } = load(readFileSync(`manifests/config/${file}`, "utf8"));
    assert.deepEqual(warnings, []);
    if (file === "default.yaml") assert.deepEqual(outline(config), defaultOutline);
  });
}

for (const file of readdirSync("manifests/config/experimental")) {
  test(`manifests/config/experimental/${file} loads without a warning, with --allow-experimental-plugins only`, () => {
    const text = readFileSync(`manifests/config/experimental/${file}`, "utf8");
    const loaded = loadConfig(text, { ...options, allowExperimentalPlugins: true });
    assert.equal(loaded.kind === "invalid" ? formatProblems(loaded.problems) : "", "");
    assert.deepEqual(loaded.warnings, []);
    assert.match(problemsOf(text).join("\n"), /is experimental, expected --allow-experimental-plugins to use it/);
  });
}

test("a plugin that learns and rates runs as a producer too, a producer that nobody reads does not", () => {
  const text = aConfig("plugins: [{type: session-affinity-scorer}, {type: session-id-producer}, {type: queue-scorer}]");
  const loaded = loadConfig(text, { ...options, allowExperimentalPlugins: true });
  assert.ok(loaded.kind === "ok");
  assert.deepEqual(
    loaded.config.plan.producers.map(({ name }) => name),
    ["session-affinity-scorer"],
  );
});

test("several profiles run under a handler for several, each with its own plugins", () => {
  const text = readFileSync("manifests/config/experimental/profiles-by-header.yaml", "utf8");
  const loaded = loadConfig(text, { ...options, allowExperimentalPlugins: true });
  assert.ok(loaded.kind === "ok");
  assert.deepEqual(outline(loaded.config), [
    "decode: decode-filter, utilization-filter, kv-cache-utilization-scorer x2, queue-scorer x1 -> max-score-picker",
    "prefill: prefill-filter, prefix-cache-scorer x3, queue-scorer x2 -> max-score-picker",
  ]);
  assert.equal(loaded.config.plan.handler.type, "header-profile-handler");
});

test("all problems of a file are reported at once, in the order of the text", () => {
  const text = aConfig(`featureGates: [flowControll]
plugin: []
plugins:
  - type: queue-scorrer
  - type: kv-cache-utilization-scorer
    parameters: {threshold: 1}
  - type: prefix-cache-scorer
schedulingProfiles:
  - name: default
    plugins:
      - pluginRef: prefix-scorer
      - {pluginRef: prefix-cache-scorer, weight: "3"}
`);
  assert.deepEqual(problemsOf(text), [
    'c.yaml:3:16 featureGates[0]: unknown feature gate "flowControll", did you mean "flowControl"?',
    'c.yaml:4:1 plugin: unknown field, did you mean "plugins"?',
    'c.yaml:6:11 plugins[0].type: unknown plugin type "queue-scorrer", did you mean "queue-scorer"?',
    "c.yaml:8:18 plugins[1].parameters.threshold: unknown field, expected no fields here",
    'c.yaml:13:20 schedulingProfiles[0].plugins[0].pluginRef: no plugin named "prefix-scorer"',
    'c.yaml:14:50 schedulingProfiles[0].plugins[1].weight: expected a number, got "3"',
  ]);
});
