import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { builtInRegistry } from "../../../src/config/registry.ts";
import { aConfig, aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { testRatings } from "../../support/ratings.ts";

const entry = "{type: header-label-affinity-scorer, parameters: {headerName: X-Tenant, labelKey: tenant}}";
const withTenant = (tenant: string) => aRequest({ headers: { "x-tenant": tenant } });
const a = { labels: { tenant: "a" } };
const b = { labels: { tenant: "b" } };

testRatings(
  entry,
  [
    ["one endpoint that matches", [a], [[1, 1]]],
    [
      "all equal",
      [a, a],
      [
        [1, 1],
        [1, 1],
      ],
    ],
    [
      "another value, a missing label, another case",
      [a, b, {}, { labels: { tenant: "A" } }],
      [
        [1, 1],
        [0, 0],
        [null, 0],
        [0, 0],
      ],
    ],
  ],
  withTenant("a"),
);
testRatings(entry, [
  [
    "a request without the header",
    [a, {}],
    [
      [null, 0],
      [null, 0],
    ],
  ],
]);
testRatings(
  entry,
  [
    [
      "an empty header",
      [a, { labels: { tenant: "" } }],
      [
        [null, 0],
        [null, 0],
      ],
    ],
  ],
  withTenant(""),
);

testRatings(
  "{type: header-label-affinity-scorer, parameters: {headerName: X-Tenant, labelKey: constructor}}",
  [["a label that every object has as no label", [{}], [[null, 0]]]],
  withTenant("a"),
);

test("header-label-affinity-scorer asks for its header in lower case", () => {
  assert.deepEqual(aPlan(`plugins: [${entry}]`).requestHeaders, ["x-tenant"]);
});

test("header-label-affinity-scorer is experimental and needs both names", () => {
  const options = { file: "c", registry: builtInRegistry, hashKey: 1n };
  const problems = (text: string, allowExperimentalPlugins: boolean): string[] => {
    const loaded = loadConfig(aConfig(text), { ...options, allowExperimentalPlugins });
    return loaded.kind === "invalid" ? loaded.problems.map(({ message }) => message) : [];
  };
  assert.match(problems(`plugins: [${entry}]`, false).join(), /--allow-experimental-plugins/);
  assert.deepEqual(problems(`plugins: [${entry}]`, true), []);
  assert.deepEqual(problems("plugins: [{type: header-label-affinity-scorer, parameters: {headerName: 'a b'}}]", true), [
    "expected a string, got nothing",
    "expected the name of a request header",
  ]);
});
