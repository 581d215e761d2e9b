import assert from "node:assert/strict";
import { test } from "node:test";
import { kendallTau } from "../../../simulator/validation/kendall-tau.ts";

for (const { name, a, b, tau } of [
  { name: "same order", a: [1, 2, 3], b: [10, 20, 21], tau: 1 },
  { name: "opposite order", a: [1, 2, 3], b: [3, 2, 1], tau: -1 },
  { name: "one of three pairs the other way", a: [1, 2, 3], b: [1, 3, 2], tau: 1 / 3 },
  { name: "a tie in both", a: [1, 1, 2], b: [5, 5, 6], tau: 1 },
  { name: "a tie in one", a: [1, 1, 2], b: [4, 5, 6], tau: 2 / Math.sqrt(6) },
  { name: "all alike", a: [1, 1], b: [1, 2], tau: Number.NaN },
]) {
  test(`Kendall's tau: ${name}`, () => {
    const found = kendallTau(a, b);
    assert.ok(Number.isNaN(tau) ? Number.isNaN(found) : Math.abs(found - tau) < 1e-12, `${found}`);
  });
}

test("Kendall's tau: pairs that cannot be told apart count as ties", () => {
  const isClose = (i: number, j: number): boolean => i + j === 1;
  assert.equal(kendallTau([1, 1, 2], [4, 5, 6], isClose), 1);
});
