import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { builtInRegistry } from "../../../src/config/registry.ts";
import { aConfig, aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { endpointsOf, type Rating, ratingsOf, sendTo } from "../../support/ratings.ts";

const rows: [what: string, parameters: string, counts: number[], ratings: Rating[]][] = [
  ["one idle endpoint", "{}", [0], [[0, 1]]],
  ["one busy endpoint", "{}", [3], [[3, 0]]],
  [
    "all idle",
    "{}",
    [0, 0],
    [
      [0, 1],
      [0, 1],
    ],
  ],
  [
    "all equally busy",
    "{}",
    [2, 2],
    [
      [2, 0],
      [2, 0],
    ],
  ],
  [
    "a spread",
    "{}",
    [0, 1, 4],
    [
      [0, 1],
      [1, 0.75],
      [4, 0],
    ],
  ],
  [
    "up to its threshold",
    "{idleThreshold: 2, maxBusyScore: 0.5}",
    [2, 3, 4],
    [
      [2, 1],
      [3, 0.125],
      [4, 0],
    ],
  ],
  [
    "busy ones as 0",
    "{maxBusyScore: 0}",
    [0, 1, 4],
    [
      [0, 1],
      [1, 0],
      [4, 0],
    ],
  ],
];
for (const [what, parameters, counts, ratings] of rows) {
  test(`active-request-scorer rates ${what}`, () => {
    const plan = aPlan(`plugins: [{type: active-request-scorer, parameters: ${parameters}}]`);
    const endpoints = endpointsOf(counts.map(() => ({})));
    for (const [i, count] of counts.entries()) {
      for (let sent = 0; sent < count; sent++) sendTo(plan, endpoints[i]!, aRequest({ prompt: "a" }));
    }
    assert.deepEqual(ratingsOf(plan, endpoints), ratings);
  });
}

test("active-request-scorer does not see requests whose stream has ended, or what ran at another incarnation", () => {
  const plan = aPlan("plugins: [{type: active-request-scorer}]");
  const endpoints = endpointsOf([{}, {}]);
  const [follower] = sendTo(plan, endpoints[0]!, aRequest());
  sendTo(plan, endpoints[1]!, aRequest());
  follower?.firstByte?.();
  assert.deepEqual(ratingsOf(plan, endpoints), [
    [1, 0],
    [1, 0],
  ]);
  follower?.ended("error");
  assert.deepEqual(ratingsOf(plan, endpoints), [
    [0, 1],
    [1, 0],
  ]);
  assert.deepEqual(ratingsOf(plan, endpointsOf([{}, { incarnation: "another" }])), [
    [0, 1],
    [0, 1],
  ]);
});

test("active-request-scorer needs no prompt hashed: no prefix producer is added", () => {
  const { producers } = aPlan("plugins: [{type: active-request-scorer}]");
  assert.deepEqual(
    producers.map(({ name }) => name),
    ["inflight-load-producer"],
  );
});

test("active-request-scorer takes requestTimeout with a warning and refuses what is out of range", () => {
  const load = (parameters: string) =>
    loadConfig(aConfig(`plugins: [{type: active-request-scorer, parameters: ${parameters}}]`), {
      file: "c",
      registry: builtInRegistry,
      allowExperimentalPlugins: false,
      hashKey: 1n,
    });
  const taken = load("{requestTimeout: 2m}");
  assert.equal(taken.kind, "ok");
  assert.deepEqual(
    taken.warnings.map(({ message }) => message),
    ["has no effect: a request counts until its stream ends"],
  );
  for (const parameters of [
    "{maxBusyScore: 1.1}",
    "{maxBusyScore: -0.1}",
    "{idleThreshold: -1}",
    "{idleThreshold: 0.5}",
  ])
    assert.equal(load(parameters).kind, "invalid", parameters);
});
