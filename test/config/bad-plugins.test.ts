import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { aConfig } from "../support/a-plan.ts";

/** Problems as `path: message`. */
function problemsOf(rest: string): string[] {
  const options = { file: "c.yaml", registry: builtInRegistry, allowExperimentalPlugins: true, hashKey: 1n };
  const loaded = loadConfig(aConfig(rest), options);
  return loaded.kind === "ok" ? [] : loaded.problems.map(({ path, message }) => `${path}: ${message}`);
}

const at = "plugins[0].parameters";

const rows: [type: string, parameters: string, problems: string[]][] = [
  [
    "label-selector-filter",
    "{matchLabels: {a: 1}, matchExpressions: [{key: a, operator: Gt, values: [b]}], labels: {}}",
    [
      `${at}.matchLabels.a: expected a string, got 1`,
      `${at}.matchExpressions[0].operator: expected one of In, NotIn, Exists, DoesNotExist, got "Gt"`,
      `${at}.labels: unknown field, expected one of matchLabels, matchExpressions`,
    ],
  ],
  [
    "label-selector-filter",
    "{matchExpressions: [{key: a, operator: In}, {key: a, operator: NotIn, values: []}, {key: a, operator: Exists, values: [b]}]}",
    [
      `${at}.matchExpressions[0].values: expected at least one value for In, got none`,
      `${at}.matchExpressions[1].values: expected at least one value for NotIn, got none`,
      `${at}.matchExpressions[2].values: expected no values for Exists, got 1`,
    ],
  ],
  [
    "label-selector-filter",
    '{matchExpressions: [{key: "-a", operator: In, values: ["b c"]}]}',
    [
      `${at}.matchExpressions[0].key: expected the key of a label, got "-a"`,
      `${at}.matchExpressions[0].values[0]: expected the value of a label, got "b c"`,
    ],
  ],
  ["by-label", "{}", [`${at}.label: expected a string, got nothing`]],
  ["by-label", "{label: a}", [`${at}.validValues: expected at least one value unless allowsNoLabel is true, got none`]],
  ["decode-filter", "{role: x}", [`${at}.role: unknown field, expected no fields here`]],
  ["utilization-filter", "{}", [`${at}.conditions: expected a list, got nothing`]],
  [
    "utilization-filter",
    "{conditions: [{metric: kv, maxValue: -1}]}",
    [
      `${at}.conditions[0].metric: expected one of active-requests, running-requests, waiting-queue, kv-cache-utilization, got "kv"`,
      `${at}.conditions[0].maxValue: expected a number of at least 0, got -1`,
    ],
  ],
  ["utilization-filter", "{conditions: []}", [`${at}.conditions: expected a list of at least 1 entries, got a list`]],
  [
    "prefix-cache-affinity-filter",
    "{affinityThreshold: 1.5, ttftSource: latencyPredictor, peakPrefillThroughput: 0}",
    [
      `${at}.affinityThreshold: expected a number of at most 1, got 1.5`,
      `${at}.ttftSource: "latencyPredictor" is not available in this version, expected prefillThroughput`,
      `${at}.peakPrefillThroughput: expected a number greater than 0, got 0`,
    ],
  ],
  [
    "session-affinity-filter",
    "{strategy: cookie, profileName: prefill, encodedEndpointHeaderConfig: {header: 'a b'}}",
    [
      `${at}.strategy: expected one of encoded_endpoint_header, session_id, got "cookie"`,
      `${at}.profileName: not available in this version: no profile handler runs several profiles for one request`,
      `${at}.encodedEndpointHeaderConfig.header: expected the name of a header, got "a b"`,
    ],
  ],
  [
    "session-affinity-scorer",
    "{sessionIdConfig: {evictionTtlSeconds: 0, sources: [{}, {header: a, attribute: SessionIDDataKey}, {header: a, producer: b}, {attribute: agent-identity}]}}",
    [
      `${at}.sessionIdConfig.evictionTtlSeconds: expected a number greater than 0, got 0`,
      `${at}.sessionIdConfig.sources[0]: expected either header or attribute`,
      `${at}.sessionIdConfig.sources[1]: expected either header or attribute`,
      `${at}.sessionIdConfig.sources[2].producer: has no meaning for a header, expected no field`,
      `${at}.sessionIdConfig.sources[3].attribute: attribute "agent-identity" is not available in this version, expected SessionIDDataKey`,
    ],
  ],
  [
    "session-affinity-scorer",
    "{strategy: session_id, sessionIdConfig: {sources: [{attribute: SessionIDDataKey, producer: nobody}]}}",
    [`${at}.sessionIdConfig.sources[0].producer: no plugin named "nobody"`],
  ],
  [
    "session-id-producer",
    "{headerName: a, cookieName: b}",
    [`${at}.cookieName: given beside headerName, expected one of them`],
  ],
  ["header-profile-handler", "{headerName: ''}", [`${at}.headerName: expected the name of a header, got ""`]],
  [
    "data-parallel-profile-handler",
    "{primaryPort: 65536}",
    [`${at}.primaryPort: expected a number of at most 65535, got 65536`],
  ],
  [
    "probabilistic-admitter",
    "{queueDepthThreshold: 0, kvCacheUtilThreshold: 1.1, power: 0, k: -1}",
    [
      `${at}.queueDepthThreshold: expected a number of at least 1, got 0`,
      `${at}.kvCacheUtilThreshold: expected a number of at most 1, got 1.1`,
      `${at}.power: expected a number greater than 0, got 0`,
      `${at}.k: expected a number greater than 0, got -1`,
    ],
  ],
];

for (const [type, parameters, problems] of rows) {
  test(`loadConfig refuses ${type} with ${parameters}`, () => {
    assert.deepEqual(
      problemsOf(`plugins: [{type: ${type}, parameters: ${parameters}}]`).toSorted(),
      problems.toSorted(),
    );
  });
}

const two = "schedulingProfiles: [{name: decode}, {name: prefill}]";

const handlers: [what: string, rest: string, problems: string[]][] = [
  [
    "a default profile that is none",
    `plugins: [{type: header-profile-handler, parameters: {defaultProfile: default}}]\n${two}`,
    [`${at}.defaultProfile: no profile named "default", expected one of decode, prefill`],
  ],
  [
    "several profiles for the ranks of one server",
    `plugins: [{type: data-parallel-profile-handler}]\n${two}`,
    ['plugins[0]: "data-parallel-profile-handler" runs one profile, got 2, expected a handler for several'],
  ],
];

for (const [what, rest, problems] of handlers) {
  test(`G3 loadConfig refuses ${what}`, () => assert.deepEqual(problemsOf(rest), problems));
}

test("G3 loadConfig takes two profiles with the default one among them", () => {
  assert.deepEqual(problemsOf(`plugins: [{type: header-profile-handler}]\n${two}`), []);
});
