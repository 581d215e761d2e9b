import assert from "node:assert/strict";
import { test } from "node:test";
import { findSeedGroups } from "../../../simulator/experiment/seed-groups.ts";

test("two clusters of seeds are told apart", () => {
  assert.deepEqual(findSeedGroups([100, 900, 110, 105, 880, 95]), {
    lower: { count: 4, mean: 102.5 },
    upper: { count: 2, mean: 890 },
  });
});

const one: readonly (readonly [what: string, values: readonly number[]])[] = [
  ["few seeds", [1, 1, 9, 9]],
  ["one outlier", [100, 101, 102, 103, 104, 900]],
  ["an even spread", [100, 200, 300, 400, 500, 600]],
  ["a gap that is small beside the values", [1000, 1001, 1002, 1050, 1051, 1052]],
  ["equal values", [5, 5, 5, 5, 5]],
];
for (const [what, values] of one) {
  test(`${what} are one group`, () => assert.equal(findSeedGroups(values), undefined));
}
