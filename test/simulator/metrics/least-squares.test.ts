import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../src/lib/random.ts";
import { conditionNumber, type LinearProblem, solveBounded } from "../../../simulator/metrics/least-squares.ts";

/** A problem with random columns, a random target and random weights. */
function aProblem(seed: number, size: number, rows: number): LinearProblem {
  const random = createRandom(seed);
  const column = (): Float64Array => Float64Array.from({ length: rows }, () => random() * 4 - 1);
  return {
    columns: Array.from({ length: size }, column),
    target: column(),
    weights: Float64Array.from({ length: rows }, () => random() + 0.1),
  };
}

/** Slope of the weighted squares in each coefficient. */
function slopes({ columns, target, weights }: LinearProblem, coefficients: readonly number[]): number[] {
  const rest = target.map(
    (value, i) => value - columns.reduce((sum, column, j) => sum + column[i]! * coefficients[j]!, 0),
  );
  return columns.map((column) => -2 * column.reduce((sum, value, i) => sum + value * weights[i]! * rest[i]!, 0));
}

test("no coefficient is below its bound, free ones are at a minimum, those at a bound would only gain below it", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 7, max: 40 }),
      fc.constantFrom(0, 0.2, -1),
      (seed, size, rows, bound) => {
        const problem = aProblem(seed, size, rows);
        const lower = new Array<number>(size).fill(bound);
        const { coefficients, atBound } = solveBounded(problem, lower);
        for (const [j, slope] of slopes(problem, coefficients).entries()) {
          assert.ok(coefficients[j]! >= bound, `${coefficients[j]} below ${bound}`);
          if (atBound[j]) {
            assert.equal(coefficients[j], bound);
            assert.ok(slope >= -1e-7, `slope ${slope} at the bound`);
          } else assert.ok(Math.abs(slope) < 1e-6, `slope ${slope} within`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a target made from coefficients above their bounds gives them back", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 5 }),
      (seed, truth) => {
        const { columns, weights } = aProblem(seed, truth.length, 30);
        const target = weights.map((_, i) => columns.reduce((sum, column, j) => sum + column[i]! * truth[j]!, 0));
        const { coefficients } = solveBounded(
          { columns, target, weights },
          truth.map(() => 0),
        );
        for (const [j, value] of coefficients.entries()) {
          assert.ok(Math.abs(value - truth[j]!) < 1e-6 * 100, `${value} for ${truth[j]}`);
        }
      },
    ),
  );
});

test("a column of zeros stays at its bound", () => {
  const ones = Float64Array.of(1, 1, 1);
  const problem = { columns: [ones, new Float64Array(3)], target: Float64Array.of(2, 2, 2), weights: ones };
  const { coefficients, atBound } = solveBounded(problem, [0, 0.5]);
  assert.ok(Math.abs(coefficients[0]! - 2) < 1e-12, `${coefficients[0]}`);
  assert.deepEqual([coefficients[1], atBound], [0.5, [false, true]]);
  assert.equal(conditionNumber(problem), Number.POSITIVE_INFINITY);
});

test("the condition number is 1 for columns at right angles and grows as they near each other", () => {
  const weights = Float64Array.of(1, 1, 1);
  const near = (step: number): number =>
    conditionNumber({ columns: [Float64Array.of(1, 0, 0), Float64Array.of(1, step, 0)], target: weights, weights });
  const right = { columns: [Float64Array.of(3, 0, 0), Float64Array.of(0, 0.1, 0)], target: weights, weights };
  assert.ok(Math.abs(conditionNumber(right) - 1) < 1e-9, "right angles");
  // Two unit columns at an angle a: sqrt((1 + cos a) / (1 - cos a)).
  for (const step of [1, 0.1, 0.01]) {
    const cosine = 1 / Math.hypot(1, step);
    assert.ok(Math.abs(near(step) / Math.sqrt((1 + cosine) / (1 - cosine)) - 1) < 1e-4, `step ${step}`);
  }
  assert.equal(near(0), Number.POSITIVE_INFINITY);
});
