import assert from "node:assert/strict";
import { test } from "node:test";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { endpointsOf, type Rating, ratingsOf, sendTo } from "../../support/ratings.ts";

const rows: [what: string, parameters: string, tokens: number[], ratings: Rating[]][] = [
  ["one endpoint", "{queueThresholdTokens: 1000}", [100], [[110, 0.89]]],
  [
    "all equal",
    "{queueThresholdTokens: 1000}",
    [0, 0],
    [
      [10, 0.99],
      [10, 0.99],
    ],
  ],
  [
    "the threshold and beyond as 0",
    "{queueThresholdTokens: 1000}",
    [989, 990, 5000],
    [
      [999, 1 - 999 / 1000],
      [1000, 0],
      [5010, 0],
    ],
  ],
  ["by 4,194,304 tokens", "{}", [0], [[10, 1 - 10 / 4_194_304]]],
  ["a threshold of 0 as the default", "{queueThresholdTokens: 0}", [0], [[10, 1 - 10 / 4_194_304]]],
];
for (const [what, parameters, tokens, ratings] of rows) {
  test(`token-load-scorer rates ${what}`, () => {
    const plan = aPlan(`plugins: [{type: token-load-scorer, parameters: ${parameters}}]`);
    const endpoints = endpointsOf(tokens.map(() => ({})));
    for (const [i, count] of tokens.entries()) sendTo(plan, endpoints[i]!, aRequest({ promptBytes: count * 4 }));
    assert.deepEqual(ratingsOf(plan, endpoints, aRequest({ promptBytes: 40 })), ratings);
  });
}

test("token-load-scorer rates a request without tokens at an idle endpoint 1", () => {
  assert.deepEqual(ratingsOf(aPlan("plugins: [{type: token-load-scorer}]"), endpointsOf([{}]), aRequest()), [[0, 1]]);
});

test("token-load-scorer reads the producer it names", () => {
  const plan = aPlan(`plugins:
  - {type: token-load-scorer, parameters: {inFlightLoadProducerName: b}}
  - {type: inflight-load-producer, name: a}
  - {type: inflight-load-producer, name: b, parameters: {addEstimatedOutputTokens: true}}
`);
  assert.deepEqual(
    plan.producers.map(({ name }) => name),
    ["b"],
  );
  assert.equal(ratingsOf(plan, endpointsOf([{}]), aRequest({ promptBytes: 40 }))[0]?.[0], 25);
});
