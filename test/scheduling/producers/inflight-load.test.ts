import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../../src/datastore/endpoint.ts";
import type { TokenEstimate } from "../../../src/datastore/token-estimator.ts";
import { createRandom } from "../../../src/lib/random.ts";
import type { InferenceRequest } from "../../../src/request/inference-request.ts";
import { explain } from "../../../src/scheduling/explain.ts";
import { adoptLearned, type SchedulingPlan } from "../../../src/scheduling/plan.ts";
import { noteEnded, schedule } from "../../../src/scheduling/schedule.ts";
import { aPlan, traceOf } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";
import { sendTo } from "../../support/ratings.ts";

const endpoint = anEndpoint("server-0");
const other = anEndpoint("server-1");

function planWith(parameters = "{}", more = ""): SchedulingPlan {
  return aPlan(`plugins:
  - {type: token-load-scorer}
  - {type: inflight-load-producer, parameters: ${parameters}}
${more}`);
}

/** Raw value of token-load-scorer, the first one: tokens under way and those the request would add. */
function tokensAt(
  plan: SchedulingPlan,
  request: InferenceRequest,
  at: Endpoint = endpoint,
  tokens?: TokenEstimate,
): number | null | undefined {
  const context = { nowMs: 0, random: createRandom(1), plan, ...(tokens && { tokens }) };
  return explain(traceOf(schedule(request, [at], context))).candidates[0]?.scores[0]?.raw;
}

const nothing = aRequest();
const prompt = (tokens: number, letter = "abcd"): string => letter.repeat(tokens);

test("inflight-load-producer counts input tokens without a prefix producer, rounded up", () => {
  const plan = planWith();
  assert.deepEqual(
    plan.producers.map(({ name }) => name),
    ["inflight-load-producer"],
  );
  assert.equal(tokensAt(plan, aRequest({ prompt: "abcde" })), 2);
  const followers = sendTo(plan, endpoint, aRequest({ prompt: prompt(129) }));
  assert.equal(tokensAt(plan, nothing), 129);
  assert.equal(tokensAt(plan, nothing, other), 0);
  for (const follower of followers) follower.firstByte?.();
  assert.equal(tokensAt(plan, nothing), 0);
  noteEnded(followers, "completed");
  assert.equal(tokensAt(plan, nothing), 0);
});

const prefixRows: [what: string, more: string, parameters: string][] = [
  ["that the config has", "  - {type: approx-prefix-cache-producer}", "{}"],
  ["that a scorer needs", "  - {type: prefix-cache-scorer}", "{}"],
  [
    "that it names",
    "  - {type: approx-prefix-cache-producer, name: a}\n  - {type: approx-prefix-cache-producer, name: b}",
    "{prefixMatchInfoProducerName: b}",
  ],
];
for (const [what, more, parameters] of prefixRows) {
  test(`inflight-load-producer counts uncached whole blocks with a prefix producer ${what}, which runs first`, () => {
    const plan = planWith(parameters, more);
    const types = plan.producers.map(({ type }) => type);
    assert.deepEqual(types, ["approx-prefix-cache-producer", "inflight-load-producer"]);
    assert.equal(tokensAt(plan, aRequest({ prompt: prompt(129) })), 192);
    const followers = sendTo(plan, endpoint, aRequest({ prompt: prompt(128) }));
    assert.equal(tokensAt(plan, nothing), 128, "as the decision saw it, before the index learned of the prompt");
    assert.equal(tokensAt(plan, aRequest({ prompt: prompt(192) })), 128 + 64);
    assert.equal(tokensAt(plan, aRequest({ prompt: prompt(192) }), other), 192);
    noteEnded(followers, "completed");
    assert.equal(tokensAt(plan, aRequest({ prompt: prompt(128) })), 0);
  });
}

test("inflight-load-producer adds the tail beyond the blocks that are looked at", () => {
  const more = "  - {type: approx-prefix-cache-producer, parameters: {maxPrefixTokensToMatch: 128}}";
  const plan = planWith("{}", more);
  noteEnded(sendTo(plan, endpoint, aRequest({ prompt: prompt(300) })), "completed");
  assert.equal(tokensAt(plan, aRequest({ prompt: prompt(300) })), 300 - 128);
  assert.equal(tokensAt(plan, aRequest({ prompt: prompt(300) }), other), 300);
});

test("inflight-load-producer counts a fully cached prompt as nothing, also where a token is not 4 bytes", () => {
  const plan = planWith("{}", "  - {type: approx-prefix-cache-producer}");
  const request = aRequest({ prompt: prompt(640) });
  noteEnded(sendTo(plan, endpoint, request), "completed");
  for (const inputTokens of [320, 640, 853]) {
    assert.equal(tokensAt(plan, request, endpoint, { inputTokens, outputTokens: undefined }), 0);
    assert.equal(tokensAt(plan, request, other, { inputTokens, outputTokens: undefined }), inputTokens);
  }
});

test("a prompt of unknown content costs its size", () => {
  const plan = planWith("{}", "  - {type: approx-prefix-cache-producer}");
  assert.equal(tokensAt(plan, aRequest({ promptBytes: 4000 })), 1000);
  assert.equal(tokensAt(plan, nothing), 0);
});

const outputRows: [what: string, parameters: string, maxOutputTokens: number | undefined, output: number][] = [
  ["not by default", "{}", undefined, 0],
  ["half as many again", "{addEstimatedOutputTokens: true}", undefined, 152],
  ["by its ratio", "{addEstimatedOutputTokens: true, outputRatio: 0.25}", undefined, 25],
  ["by a ratio of 0", "{addEstimatedOutputTokens: true, outputRatio: 0}", 50, 0],
  ["up to what the request asks for", "{addEstimatedOutputTokens: true}", 16, 16],
  ["up to the cap", "{addEstimatedOutputTokens: true, maxEstimatedOutputTokens: 10}", 16, 10],
  ["up to a cap of 0", "{addEstimatedOutputTokens: true, maxEstimatedOutputTokens: 0}", 16, 0],
];
for (const [what, parameters, maxOutputTokens, output] of outputRows) {
  test(`inflight-load-producer counts tokens of the answer: ${what}`, () => {
    const plan = planWith(parameters);
    assert.equal(tokensAt(plan, aRequest({ prompt: prompt(101), maxOutputTokens })), 101 + output);
  });
}

test("inflight-load-producer holds all tokens to the end when it counts the answer", () => {
  const plan = planWith("{addEstimatedOutputTokens: true}");
  const followers = sendTo(plan, endpoint, aRequest({ prompt: prompt(100) }));
  for (const follower of followers) follower.firstByte?.();
  assert.equal(tokensAt(plan, nothing), 250);
  noteEnded(followers, "client-disconnect");
  assert.equal(tokensAt(plan, nothing), 0);
});

test("a reloaded config goes on counting what is under way, and followers of the old one release there", () => {
  const old = planWith();
  const followers = sendTo(old, endpoint, aRequest({ prompt: prompt(100) }));
  const next = planWith("{outputRatio: 1}");
  adoptLearned(next, old);
  assert.equal(tokensAt(next, nothing), 100);
  const late = sendTo(old, endpoint, aRequest({ prompt: prompt(7) }));
  assert.equal(tokensAt(next, nothing), 107);
  noteEnded(followers, "completed");
  assert.equal(tokensAt(next, nothing), 7);
  noteEnded(late, "completed");
  assert.equal(tokensAt(next, nothing), 0);
});
