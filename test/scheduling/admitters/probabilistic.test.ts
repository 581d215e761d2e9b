import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../src/lib/random.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint, type EndpointTraits } from "../../support/an-endpoint.ts";
import { aCycle } from "../../support/a-cycle.ts";

function isDenied(traits: readonly EndpointTraits[], draw: number, priority = -1, parameters: object = {}): boolean {
  const plan = aPlan(`plugins: [{type: probabilistic-admitter, parameters: ${JSON.stringify(parameters)}}]`);
  const cycle = aCycle({ request: aRequest({ priority }), random: () => draw });
  const denial = plan.admitters[0]?.admitter.admit(
    cycle,
    traits.map((some, i) => anEndpoint(String(i), some)),
  );
  if (denial !== undefined) assert.equal(denial.code, "ResourceExhausted");
  return denial !== undefined;
}

/** The chance of a denial as the greatest draw in hundredths that is denied, plus one. */
function chance(traits: readonly EndpointTraits[], parameters: object = {}): number {
  let denied = 0;
  while (denied < 100 && isDenied(traits, denied / 100, -1, parameters)) denied++;
  return denied / 100;
}

const linear = { power: 1, k: 1 };

const rows: [what: string, traits: EndpointTraits[], parameters: object, chance: number][] = [
  ["one idle endpoint", [{ waiting: 0, kv: 0 }], {}, 0],
  ["one full endpoint", [{ waiting: 5, kv: 0 }], {}, 1],
  // 300 x 0.2^5 = 0.096
  ["a queue of 1 of 5", [{ waiting: 1, kv: 0 }], {}, 0.1],
  ["a cache at a quarter of its threshold", [{ waiting: 0, kv: 0.2 }], {}, 0.3],
  ["the greater of queue and cache", [{ waiting: 1, kv: 0.4 }], linear, 0.5],
  [
    "all equal",
    [
      { waiting: 2, kv: 0 },
      { waiting: 2, kv: 0 },
    ],
    linear,
    0.4,
  ],
  [
    "the mean over endpoints",
    [
      { waiting: 5, kv: 0 },
      { waiting: 0, kv: 0 },
    ],
    linear,
    0.5,
  ],
  [
    "thresholds of its own",
    [{ waiting: 2, kv: 0.1 }],
    { ...linear, queueDepthThreshold: 8, kvCacheUtilThreshold: 0.2 },
    0.5,
  ],
  ["an endpoint of which one signal is known", [{ waiting: 2 }], linear, 0.4],
  ["an endpoint that is unknown as the mean of the others", [{}, { waiting: 2, kv: 0 }], linear, 0.4],
  ["nothing known", [{}, {}], {}, 0],
  [
    "what no server can mean as unknown",
    [{ waiting: Number.NaN, kv: -1 }, { waiting: -4, kv: 1.5 }, { waiting: Infinity }, { waiting: 1, kv: 0 }],
    linear,
    0.2,
  ],
];

for (const [what, traits, parameters, wanted] of rows) {
  test(`probabilistic-admitter drops sheddable requests with the chance for ${what}`, () => {
    assert.equal(chance(traits, parameters), wanted);
  });
}

test("probabilistic-admitter drops nothing of priority 0 and more", () => {
  for (const priority of [0, 1, 100]) assert.equal(isDenied([{ waiting: 1000, kv: 1 }], 0, priority), false);
});

test("probabilistic-admitter drops the share of requests that it says", () => {
  const plan = aPlan("plugins: [{type: probabilistic-admitter, parameters: {power: 1, k: 1}}]");
  const random = createRandom(4);
  let denied = 0;
  for (let i = 0; i < 2000; i++) {
    const cycle = aCycle({ request: aRequest({ priority: -1 }), random });
    if (plan.admitters[0]?.admitter.admit(cycle, [anEndpoint("a", { waiting: 2 })]) !== undefined) denied++;
  }
  assert.ok(Math.abs(denied / 2000 - 0.4) < 0.04, `${denied} of 2000`);
});

test("probabilistic-admitter always decides, whatever the signals", () => {
  const odd = fc.oneof(fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 2 ** 53), fc.double());
  fc.assert(
    fc.property(fc.array(fc.record({ waiting: odd, kv: odd }), { maxLength: 5 }), (traits) => {
      assert.equal(typeof isDenied(traits, 0.5), "boolean");
    }),
    { numRuns: 100 },
  );
});
