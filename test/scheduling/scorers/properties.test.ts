import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../../src/datastore/endpoint.ts";
import { createRandom } from "../../../src/lib/random.ts";
import type { Ratings } from "../../../src/scheduling/plugin.ts";
import { noteDispatched, schedule } from "../../../src/scheduling/schedule.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { type EndpointTraits, anEndpoint } from "../../support/an-endpoint.ts";
import { ratingsOf } from "../../support/ratings.ts";

/** What a config says of each scorer, and whether its scores do not depend on the other candidates. */
const scorers: Readonly<Record<string, { readonly parameters: string; readonly isAbsolute: boolean }>> = {
  "queue-scorer": { parameters: "{}", isAbsolute: false },
  "running-requests-size-scorer": { parameters: "{}", isAbsolute: false },
  "kv-cache-utilization-scorer": { parameters: "{}", isAbsolute: true },
  "lora-affinity-scorer": { parameters: "{}", isAbsolute: true },
  "prefix-cache-scorer": { parameters: "{matchLengthWeight: 0.5}", isAbsolute: true },
  "load-aware-scorer": { parameters: "{threshold: 8}", isAbsolute: true },
  "active-request-scorer": { parameters: "{idleThreshold: 1, maxBusyScore: 0.5}", isAbsolute: false },
  "token-load-scorer": { parameters: "{queueThresholdTokens: 500}", isAbsolute: true },
  "no-hit-lru-scorer": { parameters: "{}", isAbsolute: false },
  "context-length-aware": { parameters: "{}", isAbsolute: true },
  "header-label-affinity-scorer": { parameters: "{headerName: x-tenant, labelKey: tenant}", isAbsolute: true },
};

const count = fc.oneof(fc.nat(20), fc.constantFrom(0, 128, 2 ** 53));
const labels = fc.record(
  {
    tenant: fc.constantFrom("a", "b", ""),
    "llm-d.ai/context-length-range": fc.constantFrom("0-10", "16-16", "64-100000", "9-1", "no range", ""),
  },
  { requiredKeys: [] },
);
const adapters = fc.record({ running: fc.constantFrom(new Set(["a"]), new Set<string>()), maxAdapters: fc.nat(2) });
const knownTraits: fc.Arbitrary<EndpointTraits> = fc.record({
  waiting: count,
  running: count,
  kv: fc.double({ min: 0, max: 1, noNaN: true }),
  adapters,
  labels,
  cache: fc.constant({ blockSizeTokens: 64, blocks: 100 }),
});

const oddNumber = fc.oneof(
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1, 2 ** 53, 5e-324, 1.0000000001),
  fc.double(),
);
const oddTraits: fc.Arbitrary<EndpointTraits> = fc.record(
  {
    waiting: oddNumber,
    running: oddNumber,
    kv: oddNumber,
    adapters: adapters.map((state) => ({ ...state, maxAdapters: Number.NaN })),
    cache: fc.record({ blockSizeTokens: oddNumber, blocks: oddNumber }),
    labels,
  },
  { requiredKeys: [] },
);

/** Requests sent before the one that is rated: to which endpoint, with which prompt, whether its first byte has come. */
const sent = fc.array(fc.record({ to: fc.nat(), prompt: fc.nat(3), isAnswered: fc.boolean() }), { maxLength: 12 });
const model = fc.constantFrom("a", "b");
const prompts = ["", "short", "long ".repeat(200), "longer ".repeat(900)];
const aRequestFor = (prompt: number, name = "a") =>
  aRequest({ prompt: prompts[prompt] ?? "", model: name, headers: { "x-tenant": "a" } });

const withTraits = (pool: readonly EndpointTraits[]): Endpoint[] =>
  pool.map((traits, i) => anEndpoint(`server-${i}`, traits));

for (const [type, { parameters, isAbsolute }] of Object.entries(scorers)) {
  const planAfter = (endpoints: readonly Endpoint[], before: { to: number; prompt: number; isAnswered: boolean }[]) => {
    const plan = aPlan(`plugins: [{type: ${type}, parameters: ${parameters}}]`);
    for (const { to, prompt, isAnswered } of before) {
      const endpoint = endpoints[to % endpoints.length]!;
      const decision = schedule(aRequestFor(prompt), [endpoint], { nowMs: 0, random: createRandom(1), plan });
      assert.equal(decision.kind, "picked");
      const followers = decision.kind === "picked" ? noteDispatched(plan, decision) : [];
      if (isAnswered) for (const follower of followers) follower.firstByte?.();
    }
    return plan;
  };

  test(`${type} gives every candidate a finite score in 0..1, whatever the signals and whatever was sent`, () => {
    const pools = fc.array(fc.oneof(oddTraits, knownTraits), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pools, sent, fc.nat(3), model, (pool, before, prompt, name) => {
        const endpoints = withTraits(pool);
        const ratings = ratingsOf(planAfter(endpoints, before), endpoints, aRequestFor(prompt, name));
        assert.equal(ratings.length, pool.length);
        for (const [, score] of ratings) assert.ok(score >= 0 && score <= 1, `score ${score}`);
      }),
      { numRuns: 60 },
    );
  });

  test(`${type} itself writes scores in 0..1 or NaN`, () => {
    const pools = fc.array(fc.oneof(oddTraits, knownTraits), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pools, sent, fc.nat(3), (pool, before, prompt) => {
        const endpoints = withTraits(pool);
        const plan = planAfter(endpoints, before);
        const { score } = unsettled(plan, endpoints, prompt);
        for (const value of score) assert.ok(Number.isNaN(value) || (value >= 0 && value <= 1), `score ${value}`);
      }),
      { numRuns: 60 },
    );
  });

  if (!isAbsolute) continue;
  test(`${type} rates an endpoint the same without the others`, () => {
    fc.assert(
      fc.property(fc.array(knownTraits, { minLength: 2, maxLength: 6 }), sent, fc.nat(3), (pool, before, prompt) => {
        const endpoints = withTraits(pool);
        const plan = planAfter(endpoints, before);
        const all = ratingsOf(plan, endpoints, aRequestFor(prompt));
        for (const [i] of endpoints.entries()) {
          const without = ratingsOf(plan, endpoints.toSpliced(i, 1), aRequestFor(prompt));
          assert.deepEqual(without, all.toSpliced(i, 1));
        }
      }),
      { numRuns: 60 },
    );
  });
}

/** What the first scorer of a plan writes, before unrated scores are filled in. */
function unsettled(plan: ReturnType<typeof aPlan>, endpoints: readonly Endpoint[], prompt: number): Ratings {
  const ratings = {
    raw: new Float64Array(endpoints.length).fill(Number.NaN),
    score: new Float64Array(endpoints.length),
  };
  const request = aRequestFor(prompt);
  const tokens = { inputTokens: Math.ceil(request.promptBytes / 4), outputTokens: undefined };
  const cycle = { request, tokens, nowMs: 0, random: createRandom(1), produced: new Map<string, unknown>() };
  for (const { name, producer } of plan.producers) cycle.produced.set(name, producer.produce(cycle, endpoints));
  plan.profiles[0]?.scorers[0]?.scorer.score(cycle, endpoints, ratings);
  return ratings;
}
