import assert from "node:assert/strict";
import { test } from "node:test";
import { shareWithin, studentT } from "../../../simulator/statistics/student-t.ts";

/** Two-sided values as printed in tables of the distribution. */
const published: readonly (readonly [share: number, freedom: number, t: number])[] = [
  [0.95, 1, 12.706],
  [0.95, 2, 4.303],
  [0.95, 3, 3.182],
  [0.95, 4, 2.776],
  [0.95, 5, 2.571],
  [0.95, 9, 2.262],
  [0.95, 10, 2.228],
  [0.95, 19, 2.093],
  [0.95, 29, 2.045],
  [0.95, 30, 2.042],
  [0.95, 120, 1.98],
  [0.9, 1, 6.314],
  [0.9, 10, 1.812],
  [0.99, 1, 63.657],
  [0.99, 9, 3.25],
  [0.99, 30, 2.75],
  [0.999, 2, 31.599],
];

for (const [share, freedom, t] of published) {
  test(`t of ${share} with ${freedom} degrees is ${t}`, () => {
    assert.equal(Math.round(studentT(share, freedom) * 1000) / 1000, t);
  });
}

test("t gives back the share it was taken for", () => {
  for (let freedom = 1; freedom <= 200; freedom++) {
    for (const share of [0.01, 0.5, 0.95, 0.999]) {
      assert.ok(Math.abs(shareWithin(studentT(share, freedom), freedom) - share) < 1e-12, `${share}, ${freedom}`);
    }
  }
});

test("shares and degrees out of range are refused", () => {
  for (const share of [0, 1, -1, Number.NaN]) assert.throws(() => studentT(share, 3), RangeError);
  for (const freedom of [0, 1.5, Number.NaN]) assert.throws(() => studentT(0.95, freedom), RangeError);
});
