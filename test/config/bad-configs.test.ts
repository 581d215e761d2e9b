import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultConfigText } from "../../src/config/default-config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { missingPlugins } from "../../src/config/missing-plugins.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { noParameters } from "../../src/scheduling/parameters.ts";
import { definePlugin, type Requirement } from "../../src/scheduling/plugin.ts";
import { aConfig, aRegistry } from "../support/a-plan.ts";

/** A handler for several profiles, a type that is experimental, and two producers that need each other. */
const producer = (type: string, requires: readonly Requirement[]) =>
  definePlugin({
    type,
    summary: "",
    parameters: noParameters,
    roles: ["producer", "scorer"],
    requires,
    create: () => ({ producer: { produce: () => undefined }, scorer: { score: () => {} } }),
  });
const registry = aRegistry([
  definePlugin({
    type: "first-profile-handler",
    summary: "",
    parameters: noParameters,
    roles: ["profileHandler"],
    create: () => ({ profileHandler: { primary: (_cycle, [first = ""]) => first } }),
  }),
  definePlugin({
    type: "alpha-scorer",
    summary: "",
    parameters: noParameters,
    experimental: true,
    roles: ["scorer"],
    create: () => ({ scorer: { score: () => {} } }),
  }),
  producer("egg", [{ type: "hen" }]),
  producer("hen", [{ type: "egg" }]),
]);

function problemsOf(text: string, allowExperimentalPlugins = false): string[] {
  const loaded = loadConfig(text, { file: "c.yaml", registry, allowExperimentalPlugins, hashKey: 1n });
  return loaded.kind === "ok" ? [] : formatProblems(loaded.problems).split("\n");
}

const twoProfiles = "schedulingProfiles: [{name: a}, {name: b}]";

/** Texts after the two header lines, so that the first line given is line 3. */
const rows: [what: string, rest: string, problems: string[]][] = [
  [
    "G3 invalid YAML",
    "plugins: [\n",
    ["c.yaml:4:1: cannot be read: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ],
  [
    "G3 an unknown gate",
    "featureGates: [turbo]",
    [
      'c.yaml:3:16 featureGates[0]: unknown feature gate "turbo", expected one of flowControl, haPopulateNonLeaderDatastore',
    ],
  ],
  [
    "G3 a malformed gate",
    "featureGates: [flowControl=maybe, =true]",
    [
      'c.yaml:3:16 featureGates[0]: malformed feature gate "flowControl=maybe", expected "name" or "name=true" or "name=false"',
      'c.yaml:3:35 featureGates[1]: malformed feature gate "=true", expected "name" or "name=true" or "name=false"',
    ],
  ],
  ["G3 a missing type", "plugins: [{name: a}]", ["c.yaml:3:11 plugins[0].type: expected a string, got nothing"]],
  [
    "G3 an unknown type",
    "plugins: [{type: queue-score}]",
    ['c.yaml:3:18 plugins[0].type: unknown plugin type "queue-score", did you mean "queue-scorer"?'],
  ],
  [
    "G3 bad parameters",
    "plugins: [{type: approx-prefix-cache-producer, parameters: {blockSizeTokens: 0, autoTune: 1, blockSize: 16}}]",
    [
      "c.yaml:3:78 plugins[0].parameters.blockSizeTokens: expected a number of at least 1, got 0",
      "c.yaml:3:91 plugins[0].parameters.autoTune: expected true or false, got 1",
      "c.yaml:3:94 plugins[0].parameters.blockSize: unknown field, expected one of autoTune, blockSizeTokens, maxPrefixBlocksToMatch, maxPrefixTokensToMatch, lruCapacityPerServer",
    ],
  ],
  [
    "G3 duplicate names",
    "plugins:\n  - {type: queue-scorer}\n  - {type: random-picker, name: queue-scorer}",
    ['c.yaml:5:5 plugins[1]: the name "queue-scorer" is taken by the plugin of line 4, expected a new name'],
  ],
  [
    "G3 an unknown pluginRef",
    "plugins: [{type: queue-scorer}]\nschedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorrer}]}]",
    [
      'c.yaml:4:54 schedulingProfiles[0].plugins[0].pluginRef: no plugin named "queue-scorrer", did you mean "queue-scorer"?',
    ],
  ],
  [
    "G3 a pluginRef to a type that no plugin has",
    "schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer}]}]",
    [
      'c.yaml:3:54 schedulingProfiles[0].plugins[0].pluginRef: no plugin named "queue-scorer", expected an entry "- type: queue-scorer" in plugins',
    ],
  ],
  [
    "G3 H3 two pickers in a profile",
    `plugins: [{type: max-score-picker}, {type: random-picker}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: max-score-picker}, {pluginRef: random-picker}]}]`,
    [
      'c.yaml:4:73 schedulingProfiles[0].plugins[1]: "random-picker" is a second picker beside "max-score-picker", expected one a profile',
    ],
  ],
  [
    "G3 H3 two pickers and no profile",
    "plugins: [{type: max-score-picker}, {type: random-picker}]",
    ['c.yaml:3:37 plugins[1]: "random-picker" is a second picker beside "max-score-picker", expected one a profile'],
  ],
  [
    "H3 a scorer whose weight is empty, text or not finite",
    `plugins: [{type: queue-scorer}]
schedulingProfiles:
  - name: p
    plugins:
      - {pluginRef: queue-scorer, weight: }
      - {pluginRef: queue-scorer, weight: two}
      - {pluginRef: queue-scorer, weight: .inf}`,
    [
      "c.yaml:7:43 schedulingProfiles[0].plugins[0].weight: expected a number, got nothing",
      'c.yaml:8:43 schedulingProfiles[0].plugins[1].weight: expected a number, got "two"',
      "c.yaml:9:43 schedulingProfiles[0].plugins[2].weight: expected a number, got Infinity",
    ],
  ],
  [
    "G3 several handlers",
    "plugins: [{type: single-profile-handler}, {type: first-profile-handler}]",
    [
      'c.yaml:3:43 plugins[1]: "first-profile-handler" is a second profile handler beside "single-profile-handler", expected one',
    ],
  ],
  [
    "G3 several profiles without a handler",
    twoProfiles,
    ["c.yaml:3:1 schedulingProfiles: 2 profiles and no profile handler, expected one in plugins"],
  ],
  [
    "G3 several profiles with the single handler",
    `plugins: [{type: single-profile-handler}]\n${twoProfiles}`,
    ['c.yaml:3:11 plugins[0]: "single-profile-handler" runs one profile, got 2, expected a handler for several'],
  ],
  [
    "an unnamed and a duplicate profile",
    "plugins: [{type: first-profile-handler}]\nschedulingProfiles: [{name: a}, {plugins: []}, {name: ''}, {name: a}]",
    [
      "c.yaml:4:33 schedulingProfiles[1].name: expected a string, got nothing",
      'c.yaml:4:55 schedulingProfiles[2].name: expected a string that is not empty, got ""',
      'c.yaml:4:67 schedulingProfiles[3].name: the name "a" is taken by the profile of line 4, expected a new name',
    ],
  ],
  [
    "unknown fields at every level",
    `plugin: []
plugins: [{type: queue-scorer, weight: 1}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, wieght: 2}], picker: x}]
dataLayer: {source: []}
requestHandler: {parser: x}
flowControl: {maxByte: 1}`,
    [
      'c.yaml:3:1 plugin: unknown field, did you mean "plugins"?',
      "c.yaml:4:32 plugins[0].weight: unknown field, expected one of name, type, parameters",
      'c.yaml:5:68 schedulingProfiles[0].plugins[0].wieght: unknown field, did you mean "weight"?',
      "c.yaml:5:81 schedulingProfiles[0].picker: unknown field, expected one of name, plugins",
      'c.yaml:6:13 dataLayer.source: unknown field, did you mean "sources"?',
      'c.yaml:7:18 requestHandler.parser: unknown field, did you mean "parsers"?',
      'c.yaml:8:15 flowControl.maxByte: unknown field, did you mean "maxBytes"?',
    ],
  ],
  [
    "flow control",
    "featureGates: [flowControl]\nflowControl: {maxBytes: 1}",
    ["c.yaml:3:16 featureGates[0]: flow control is not available in this version: nothing is queued"],
  ],
  [
    "a saturation detector that is none",
    "plugins: [{type: queue-scorer}]\nsaturationDetector: {pluginRef: queue-scorer}",
    [
      'c.yaml:4:33 saturationDetector.pluginRef: "queue-scorer" is of type queue-scorer, expected a saturation detector',
    ],
  ],
  [
    "a saturation detector with limits that mean nothing",
    `plugins:
  - {type: utilization-detector, parameters: {queueDepthThreshold: 0, kvCacheUtilThreshold: 80, metricsStalenessThreshold: soon}}
  - {type: concurrency-detector, parameters: {maxConcurrency: 1.5, headroom: -1, concurrencyMode: bytes}}`,
    [
      "c.yaml:4:68 plugins[0].parameters.queueDepthThreshold: expected a number of at least 1, got 0",
      "c.yaml:4:93 plugins[0].parameters.kvCacheUtilThreshold: expected a number of at most 1, got 80",
      'c.yaml:4:124 plugins[0].parameters.metricsStalenessThreshold: expected a duration such as 200ms, got "soon"',
      "c.yaml:5:63 plugins[1].parameters.maxConcurrency: expected a whole number, got 1.5",
      "c.yaml:5:78 plugins[1].parameters.headroom: expected a number of at least 0, got -1",
      'c.yaml:5:99 plugins[1].parameters.concurrencyMode: expected one of requests, tokens, hybrid, got "bytes"',
    ],
  ],
  [
    "a data layer of its own",
    `plugins: [{type: metrics-data-source, parameters: {port: 0}}, {type: core-metrics-extractor}, {type: queue-scorer}]
dataLayer:
  injectDefaults: false
  sources: [{pluginRef: queue-scorer}]
  discovery: {pluginRef: x}
  peerDiscovery: {pluginRef: x}
  crossReplicaSyncInterval: 1s`,
    [
      "c.yaml:3:58 plugins[0].parameters.port: expected a number of at least 1, got 0",
      "c.yaml:5:19 dataLayer.injectDefaults: metrics cannot be turned off, expected a source metrics-data-source with core-metrics-extractor",
      'c.yaml:6:25 dataLayer.sources[0].pluginRef: "queue-scorer" is of type queue-scorer, expected metrics-data-source',
      "c.yaml:7:3 dataLayer.discovery: not available in this version: endpoints come from --endpoints FILE",
      "c.yaml:8:3 dataLayer.peerDiscovery: not available in this version: each picker works alone",
      "c.yaml:9:3 dataLayer.crossReplicaSyncInterval: not available in this version: each picker works alone",
    ],
  ],
  [
    "a reporter of usage to the gateway",
    "plugins: [{type: request-attribute-reporter}]",
    [
      'c.yaml:3:18 plugins[0].type: plugin type "request-attribute-reporter" is not available in this version: usage goes to the metrics of docs/metrics.md, not to the gateway',
    ],
  ],
  [
    "a parser that is none, and both spellings of the section",
    `plugins: [{type: openai-parser}, {type: queue-scorer}, {type: vertexai-parser}]
requestHandler: {parsers: [{pluginRef: queue-scorer}, {pluginRef: vertexai-parser}]}
parser: {pluginRef: openai-parser}`,
    [
      'c.yaml:3:63 plugins[2].type: plugin type "vertexai-parser" is not available in this version: passthrough-parser forwards its requests as they are, openai-parser reads the same APIs over HTTP',
      'c.yaml:4:40 requestHandler.parsers[0].pluginRef: "queue-scorer" is of type queue-scorer, expected openai-parser or anthropic-parser or vllmhttp-parser or sglanghttp-parser or vllmgrpc-parser or passthrough-parser',
      "c.yaml:5:1 parser: given beside requestHandler.parsers, expected only that",
    ],
  ],
  [
    "the token producer's other backends",
    "plugins: [{type: token-producer, parameters: {vllm: {url: http://a}, modelName: m, estimate: 4}}]",
    [
      "c.yaml:3:53 plugins[0].parameters.vllm: not available in this version: prompts are not tokenized, tokens are estimated from their bytes",
      "c.yaml:3:81 plugins[0].parameters.modelName: not available in this version: prompts are not tokenized, tokens are estimated from their bytes",
      "c.yaml:3:94 plugins[0].parameters.estimate: expected a mapping, got 4",
    ],
  ],
  [
    "a producer that is none, is missing, or is one of several",
    `plugins:
  - {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: queue-scorer}}
  - {type: prefix-cache-scorer, name: b, parameters: {prefixMatchInfoProducerName: nobody}}
  - {type: prefix-cache-scorer, name: c}
  - {type: queue-scorer}
  - {type: approx-prefix-cache-producer, name: x}
  - {type: approx-prefix-cache-producer, name: y}`,
    [
      'c.yaml:4:75 plugins[0].parameters.prefixMatchInfoProducerName: "queue-scorer" is of type queue-scorer, expected approx-prefix-cache-producer',
      'c.yaml:5:84 plugins[1].parameters.prefixMatchInfoProducerName: no plugin named "nobody"',
      'c.yaml:6:5 plugins[2]: several plugins of type "approx-prefix-cache-producer" (x, y), expected one of them in parameters.prefixMatchInfoProducerName',
    ],
  ],
  [
    "a wrong name that no profile uses",
    `plugins:
  - {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: nobody}}
schedulingProfiles: [{name: p}]`,
    ['c.yaml:4:75 plugins[0].parameters.prefixMatchInfoProducerName: no plugin named "nobody"'],
  ],
  [
    "a name that a default plugin needs",
    "plugins: [{type: queue-scorer, name: max-score-picker}]",
    [
      'c.yaml:3:11 plugins[0]: the name "max-score-picker" is needed for a default plugin of that type, expected another name',
    ],
  ],
  [
    "plugins that need each other",
    "plugins: [{type: egg}]",
    ["c.yaml:3:11 plugins[0]: plugins need each other in a circle: egg -> hen -> egg"],
  ],
  [
    "an experimental type",
    "plugins: [{type: alpha-scorer}]",
    [
      'c.yaml:3:18 plugins[0].type: plugin type "alpha-scorer" is experimental, expected --allow-experimental-plugins to use it',
    ],
  ],
];

for (const [what, rest, problems] of rows) {
  test(`loadConfig refuses: ${what}`, () => assert.deepEqual(problemsOf(aConfig(rest)), problems));
}

test("loadConfig refuses another kind and another version", () => {
  assert.deepEqual(problemsOf("apiVersion: llm-d.ai/v1\nkind: Pod\n"), [
    'c.yaml:1:13 apiVersion: expected one of llm-d.ai/v1alpha1, inference.networking.x-k8s.io/v1alpha1, got "llm-d.ai/v1"',
    'c.yaml:2:7 kind: expected EndpointPickerConfig, got "Pod"',
  ]);
  assert.deepEqual(problemsOf("just text"), ['c.yaml:1:1: expected a mapping, got "just text"']);
});

test("loadConfig takes an experimental type when allowed", () => {
  assert.deepEqual(problemsOf(aConfig("plugins: [{type: alpha-scorer}]"), true), []);
});

for (const [type] of missingPlugins) {
  test(`loadConfig refuses ${type} by name`, () => {
    assert.equal(builtInRegistry.find(type), undefined, "it is available: take it out of the table");
    const [problem = "", ...more] = problemsOf(aConfig(`plugins: [{type: ${type}}]`));
    assert.ok(
      problem.startsWith(`c.yaml:3:18 plugins[0].type: plugin type "${type}" is not available in this version`),
    );
    assert.deepEqual(more, []);
  });
}

test("a scorer that is missing is refused with those that are available", () => {
  const [problem = "", ...more] = problemsOf(aConfig("plugins: [{type: latency-scorer}]"));
  const scorers = registry.types.filter((type) => registry.find(type)?.roles.includes("scorer"));
  assert.ok(scorers.length > 5);
  assert.ok(problem.endsWith(` is not available in this version, available: ${scorers.join(", ")}`), problem);
  assert.deepEqual(more, []);
});

test("loadConfig never throws, however a config is broken", () => {
  const texts = defaultConfigText.split(/(?<=[\s:])/);
  const piece = fc.oneof(
    fc.constantFrom(...texts),
    fc.constantFrom("[", "]", "{", "}", "- ", "null", ": ", "1", "\n  "),
  );
  const edit = fc.record({ at: fc.nat(texts.length), remove: fc.nat(3), insert: fc.array(piece, { maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const broken = [...texts];
      for (const { at, remove, insert } of edits) broken.splice(at, remove, ...insert);
      problemsOf(broken.join(""));
    }),
    { numRuns: 200 },
  );
});
