import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { poolFacts } from "../../src/doctor/pool-facts.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { noParameters } from "../../src/scheduling/parameters.ts";
import { definePlugin } from "../../src/scheduling/plugin.ts";
import { z } from "../../src/lib/schema.ts";
import { aConfig, aRegistry } from "../support/a-plan.ts";

/** A plugin with a parameter that detectors have. */
const detector = (type: string, threshold: z.ZodType): ReturnType<typeof definePlugin> =>
  definePlugin({
    type,
    summary: "For tests.",
    parameters: z.strictObject({ metricsStalenessThreshold: threshold }) as z.ZodType<object>,
    roles: [],
    create: () => ({}),
  });

const registry = aRegistry([
  detector("text-detector", z.string().default("200ms")),
  detector("number-detector", z.number().default(200)),
  definePlugin({
    type: "plain-filter",
    summary: "For tests.",
    parameters: noParameters,
    roles: ["filter"],
    create: () => ({ filter: { filter: (_, all) => all } }),
  }),
]);

type Labels = Readonly<Record<string, string>>;

/** Warnings on a config (see aConfig) for endpoints with these labels; undefined: no endpoints file. */
function warningsOn(rest: string, endpoints?: readonly Labels[]): string[] {
  const pool = poolFacts(endpoints?.map((labels) => ({ labels })));
  const loaded = loadConfig(aConfig(rest), { file: "c", registry, allowExperimentalPlugins: false, hashKey: 1n, pool });
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  const text = formatProblems(loaded.warnings);
  return text === "" ? [] : text.split("\n");
}

const engine = (name: string): Labels => ({ "llm-d.ai/engine-type": name });
const two = [{}, {}];

/** A config of one profile `p`; each entry as `{pluginRef: ...}` holds. */
const profile = (plugins: string, uses: string): string =>
  `plugins: [${plugins}]\nschedulingProfiles:\n  - name: p\n    plugins:\n${uses
    .split(" | ")
    .map((use) => `      - {pluginRef: ${use}}\n`)
    .join("")}`;

const sglang = "{type: core-metrics-extractor, parameters: {defaultEngine: sglang}}";
const triton = "{type: core-metrics-extractor, parameters: {defaultEngine: triton}}";

const rows: readonly (readonly [
  what: string,
  config: string,
  endpoints: readonly Labels[] | undefined,
  want: readonly string[],
])[] = [
  [
    "LoRA affinity where the default engine shows no adapters",
    profile(`{type: queue-scorer}, {type: lora-affinity-scorer}, ${sglang}`, "queue-scorer | lora-affinity-scorer"),
    undefined,
    [
      'c:8:9 schedulingProfiles[0].plugins[1]: "lora-affinity-scorer" tells no endpoints apart: it reads LoRA adapters, which no engine of the pool tells (sglang), unless labels of endpoints name other engines',
    ],
  ],
  [
    "KV use where every endpoint is a triton",
    profile("{type: queue-scorer}, {type: kv-cache-utilization-scorer}", "queue-scorer | kv-cache-utilization-scorer"),
    [engine("triton"), engine("triton")],
    [
      'c:8:9 schedulingProfiles[0].plugins[1]: "kv-cache-utilization-scorer" tells no endpoints apart: it reads KV use, which no engine of the pool tells (triton)',
    ],
  ],
  [
    "KV use without profiles",
    `plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}, ${triton}]`,
    two,
    [
      'c:3:33 plugins[1]: "kv-cache-utilization-scorer" tells no endpoints apart: it reads KV use, which no engine of the pool tells (triton)',
    ],
  ],
  [
    "a signal that one of two engines has",
    profile(`{type: lora-affinity-scorer}, ${sglang}`, "lora-affinity-scorer"),
    [engine("sglang"), engine("vllm")],
    [],
  ],
  [
    "a signal that an engine of the config turns off",
    profile(
      "{type: running-requests-size-scorer}, {type: core-metrics-extractor, parameters: {engineConfigs: [{name: vllm, queuedRequestsSpec: w}]}}",
      "running-requests-size-scorer",
    ),
    undefined,
    [
      `c:7:9 schedulingProfiles[0].plugins[0]: "running-requests-size-scorer" goes by this picker's own open requests alone: it reads running requests, which no engine of the pool tells (vllm), unless labels of endpoints name other engines`,
    ],
  ],
  ["a pool without endpoints", profile(`{type: lora-affinity-scorer}, ${sglang}`, "lora-affinity-scorer"), [], []],
  [
    "a prefix scorer where no parser reads prompts",
    `${profile("{type: prefix-cache-scorer}, {type: passthrough-parser}", "prefix-cache-scorer")}requestHandler: {parsers: [{pluginRef: passthrough-parser}]}`,
    two,
    [
      'c:7:9 schedulingProfiles[0].plugins[0]: "prefix-cache-scorer" tells no endpoints apart: it reads prompts, which no parser of this config reads (passthrough-parser)',
    ],
  ],
  [
    "a prefix scorer with one parser that reads prompts",
    `${profile("{type: prefix-cache-scorer}, {type: passthrough-parser}, {type: sglanghttp-parser}", "prefix-cache-scorer")}requestHandler: {parsers: [{pluginRef: sglanghttp-parser}, {pluginRef: passthrough-parser}]}`,
    two,
    [],
  ],
  [
    "a weight of 0",
    profile(
      "{type: queue-scorer}, {type: kv-cache-utilization-scorer}",
      "queue-scorer, weight: 0 | kv-cache-utilization-scorer",
    ),
    two,
    ['c:7:43 schedulingProfiles[0].plugins[0].weight: "queue-scorer" runs and changes nothing: its weight is 0'],
  ],
  [
    "a weight that is lost in rounding",
    profile(
      "{type: queue-scorer}, {type: kv-cache-utilization-scorer}",
      "queue-scorer, weight: 1e-20 | kv-cache-utilization-scorer, weight: -3",
    ),
    two,
    [
      'c:7:43 schedulingProfiles[0].plugins[0].weight: "queue-scorer" is lost in rounding: its weight is 1e-20, those of the others add up to 3',
    ],
  ],
  [
    "a small weight that can decide",
    profile(
      "{type: queue-scorer}, {type: kv-cache-utilization-scorer}",
      "queue-scorer, weight: 1e-10 | kv-cache-utilization-scorer, weight: 3",
    ),
    two,
    [],
  ],
  [
    "one type twice with the same parameters",
    profile("{type: queue-scorer, name: a}, {type: queue-scorer, name: b}", "a, weight: 2 | b, weight: 3"),
    two,
    ['c:8:9 schedulingProfiles[0].plugins[1]: "b" always scores what "a" does: weights 2 and 3 are one weight of 5'],
  ],
  [
    "one plugin twice",
    profile("{type: queue-scorer}", "queue-scorer | queue-scorer"),
    two,
    ['c:8:9 schedulingProfiles[0].plugins[1]: "queue-scorer" is named twice: weights 1 and 1 are one weight of 2'],
  ],
  [
    "one type twice with parameters of which one is the default",
    profile(
      "{type: prefix-cache-scorer, name: a}, {type: prefix-cache-scorer, name: b, parameters: {matchLengthWeight: 0}}, {type: prefix-cache-scorer, name: d, parameters: {matchLengthWeight: 0.5}}",
      "a | b | d",
    ),
    two,
    ['c:8:9 schedulingProfiles[0].plugins[1]: "b" always scores what "a" does: weights 1 and 1 are one weight of 2'],
  ],
  [
    "a picker that does not look at scores",
    profile("{type: queue-scorer}, {type: random-picker}", "queue-scorer | random-picker"),
    two,
    [
      'c:8:9 schedulingProfiles[0].plugins[1]: "random-picker" does not look at scores: the scorer of profile "p" cannot change the pick',
    ],
  ],
  [
    "a picker that does not look at scores, without scorers",
    profile("{type: random-picker}", "random-picker"),
    two,
    [],
  ],
  [
    "no scorer",
    profile("{type: plain-filter}, {type: max-score-picker}", "plain-filter | max-score-picker"),
    two,
    ['c:5:5 schedulingProfiles[0]: profile "p" has no scorer: every total is 0, "max-score-picker" picks at random'],
  ],
  [
    "nothing at all",
    "plugins: []",
    two,
    ['c:1:1: profile "default" has no scorer: every total is 0, "max-score-picker" picks at random'],
  ],
  [
    "odds of weights below 0",
    profile(
      "{type: queue-scorer}, {type: weighted-random-picker}",
      "queue-scorer, weight: -1 | weighted-random-picker",
    ),
    two,
    [
      'c:8:9 schedulingProfiles[0].plugins[1]: no weight is above 0: no total is, and "weighted-random-picker" takes every endpoint with the same odds',
    ],
  ],
  ["the greatest of weights below 0", profile("{type: queue-scorer}", "queue-scorer, weight: -1"), two, []],
  [
    "a pool of one endpoint",
    profile("{type: queue-scorer}, {type: kv-cache-utilization-scorer}", "queue-scorer | kv-cache-utilization-scorer"),
    [{}],
    ['c:5:5 schedulingProfiles[0]: the pool has one endpoint: the 2 scorers of profile "p" cannot change the pick'],
  ],
  [
    "an interval that makes every sample old",
    `plugins: [{type: queue-scorer}, {type: metrics-data-source, parameters: {interval: 2s}}]`,
    two,
    [
      "c:3:84 plugins[1].parameters.interval: 2000 ms between scrapes, expected less than 2000 ms: samples count as old from that age on (--metrics-staleness-threshold)",
    ],
  ],
  [
    "an interval below that",
    `plugins: [{type: queue-scorer}, {type: metrics-data-source, parameters: {interval: 1900ms}}]`,
    two,
    [],
  ],
  [
    "a detector whose default is reached between two scrapes",
    "plugins: [{type: queue-scorer}, {type: text-detector}, {type: metrics-data-source, parameters: {interval: 250ms}}]",
    two,
    [
      'c:3:33 plugins[1].parameters.metricsStalenessThreshold: 200 ms is reached between two scrapes, 250 ms apart: samples go stale for "text-detector" though nothing is wrong, expected several intervals',
    ],
  ],
  [
    "a detector below the default interval",
    "plugins: [{type: queue-scorer}, {type: number-detector, parameters: {metricsStalenessThreshold: 40}}]",
    two,
    [
      'c:3:97 plugins[1].parameters.metricsStalenessThreshold: 40 ms is reached between two scrapes, 50 ms apart: samples go stale for "number-detector" though nothing is wrong, expected several intervals',
    ],
  ],
  [
    "a detector well above the interval",
    "plugins: [{type: queue-scorer}, {type: number-detector}, {type: text-detector}]",
    two,
    [],
  ],
];
for (const [what, config, endpoints, want] of rows) {
  test(`a caution on ${what}`, () => assert.deepEqual(warningsOn(config, endpoints), want));
}

test("cautions are given only for a pool, and only when nothing is wrong", () => {
  const options = { file: "c", registry, allowExperimentalPlugins: false, hashKey: 1n };
  const text = aConfig("plugins: [{type: random-picker}, {type: queue-scorer}]");
  assert.deepEqual(loadConfig(text, options).warnings, []);
  assert.equal(loadConfig(text, { ...options, pool: poolFacts(undefined) }).warnings.length, 1);
  const broken = aConfig("plugins: [{type: random-picker}, {type: queue-scorer}, {type: nothing}]");
  assert.deepEqual(loadConfig(broken, { ...options, pool: poolFacts(undefined) }).warnings, []);
});

for (const name of readdirSync("manifests/config").filter((name) => name.endsWith(".yaml"))) {
  test(`manifests/config/${name} has no caution`, () => {
    const text = readFileSync(`manifests/config/${name}`, "utf8");
    const options = { file: name, registry, allowExperimentalPlugins: false, hashKey: 1n };
    assert.equal(formatProblems(loadConfig(text, { ...options, pool: poolFacts(undefined) }).warnings), "");
  });
}

test("docs/configuration.md lists every caution by its words", () => {
  const [, section = ""] = readFileSync("docs/configuration.md", "utf8").split("## What `epp check` warns of");
  const phrases = [...section.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, phrase = ""]) => new RegExp(phrase.replace("...", ".+"))),
  );
  const messages = rows.flatMap(([, , , want]) => want);
  assert.deepEqual(
    messages.filter((message) => !phrases.some((phrase) => phrase.test(message))),
    [],
  );
  assert.deepEqual(
    phrases.filter((phrase) => !messages.some((message) => phrase.test(message))),
    [],
  );
});
