import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../src/lib/random.ts";
import { aPlan } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { anEndpoint } from "../../support/an-endpoint.ts";

const pickers = ["max-score-picker", "random-picker", "weighted-random-picker"];

function pickWith(type: string, totals: readonly number[], seed: number, maxNumOfEndpoints = 1): readonly number[] {
  const { profiles } = aPlan(`plugins: [{type: ${type}, parameters: {maxNumOfEndpoints: ${maxNumOfEndpoints}}}]`);
  const cycle = {
    request: aRequest(),
    tokens: { inputTokens: 0, outputTokens: undefined },
    nowMs: 0,
    random: createRandom(seed),
    produced: new Map(),
  };
  const candidates = totals.map((_, i) => anEndpoint(`server-${i}`));
  // As in a scratch, the array is longer than the candidates and holds what an earlier decision left.
  const scratch = Float64Array.from([...totals, 99, 99]);
  return profiles[0]?.picker.picker.pick(cycle, candidates, scratch) ?? [];
}

/** How often each index comes first over many seeds, as shares. */
function shares(type: string, totals: readonly number[], maxNumOfEndpoints = 1): number[] {
  const seeds = 4000;
  const counts = totals.map(() => 0);
  const { profiles } = aPlan(`plugins: [{type: ${type}, parameters: {maxNumOfEndpoints: ${maxNumOfEndpoints}}}]`);
  const cycle = {
    request: aRequest(),
    tokens: { inputTokens: 0, outputTokens: undefined },
    nowMs: 0,
    random: createRandom(5),
    produced: new Map(),
  };
  const candidates = totals.map((_, i) => anEndpoint(`server-${i}`));
  for (let i = 0; i < seeds; i++) {
    const [first = -1] = profiles[0]?.picker.picker.pick(cycle, candidates, Float64Array.from(totals)) ?? [];
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts.map((count) => count / seeds);
}

function assertShares(actual: readonly number[], wanted: readonly number[]): void {
  for (const [i, share] of wanted.entries())
    assert.ok(Math.abs((actual[i] ?? 0) - share) < 0.035, `${actual.join(" ")} for ${wanted.join(" ")}`);
}

const total = fc.oneof(fc.double({ noNaN: true, min: -10, max: 10 }), fc.constantFrom(0, 1, -1, 5e-324, 1e300));

for (const type of pickers) {
  test(`${type} picks candidates only, none twice, as many as asked for and there are, the same for a seed`, () => {
    const pool = fc.array(total, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(pool, fc.integer(), fc.integer({ min: -2, max: 25 }), (totals, seed, wanted) => {
        const picked = pickWith(type, totals, seed, wanted);
        assert.equal(picked.length, Math.min(Math.max(1, wanted), totals.length));
        assert.equal(new Set(picked).size, picked.length);
        for (const index of picked) assert.ok(Number.isInteger(index) && index >= 0 && index < totals.length);
        assert.deepEqual(pickWith(type, totals, seed, wanted), picked);
      }),
      { numRuns: 60 },
    );
  });

  test(`${type} picks nothing among nothing`, () => assert.deepEqual(pickWith(type, [], 1), []));
}

test("max-score-picker puts the greatest totals first", () => {
  for (let seed = 0; seed < 20; seed++) {
    assert.deepEqual(pickWith("max-score-picker", [1, 4, -2, 3], seed), [1]);
    assert.deepEqual(pickWith("max-score-picker", [1, 4, -2, 3], seed, 3), [1, 3, 0]);
  }
});

for (const wanted of [1, 2]) {
  test(`max-score-picker shares ties evenly with maxNumOfEndpoints ${wanted}`, () => {
    assertShares(shares("max-score-picker", [2, 5, 5, 1, 5], wanted), [0, 1 / 3, 1 / 3, 0, 1 / 3]);
  });
}

test("random-picker takes no notice of totals", () => {
  assertShares(shares("random-picker", [0, 9, 0, 1]), [0.25, 0.25, 0.25, 0.25]);
});

test("weighted-random-picker follows the totals", () => {
  assertShares(shares("weighted-random-picker", [1, 3, 0, 6]), [0.1, 0.3, 0, 0.6]);
});

test("weighted-random-picker is uniform when all totals are 0 or below", () => {
  assertShares(shares("weighted-random-picker", [0, 0, -3, 0]), [0.25, 0.25, 0.25, 0.25]);
});

test("weighted-random-picker puts totals of 0 last", () => {
  for (let seed = 0; seed < 50; seed++) {
    assert.deepEqual(new Set(pickWith("weighted-random-picker", [0, 1e-12, 0, 2], seed, 2)), new Set([1, 3]));
  }
});
