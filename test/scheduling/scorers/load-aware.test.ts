import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../../src/config/load.ts";
import { builtInRegistry } from "../../../src/config/registry.ts";
import { aConfig } from "../../support/a-plan.ts";
import { type RatingRow, testRatings } from "../../support/ratings.ts";

const rows: RatingRow[] = [
  ["one endpoint", [{ waiting: 32 }], [[32, 0.375]]],
  [
    "empty queues at a half",
    [{ waiting: 0 }, { waiting: 0 }],
    [
      [0, 0.5],
      [0, 0.5],
    ],
  ],
  [
    "the threshold and beyond as 0",
    [{ waiting: 127 }, { waiting: 128 }, { waiting: 2 ** 53 }],
    [
      [127, 0.5 * (1 - 127 / 128)],
      [128, 0],
      [2 ** 53, 0],
    ],
  ],
  [
    "an unknown queue as the mean of the known",
    [{ waiting: 0 }, {}, { waiting: 64 }],
    [
      [0, 0.5],
      [null, 0.375],
      [64, 0.25],
    ],
  ],
  [
    "nothing known",
    [{}, {}],
    [
      [null, 0.5],
      [null, 0.5],
    ],
  ],
  [
    "counts that no server can mean as unknown",
    [{ waiting: Number.NaN }, { waiting: -1 }, { waiting: Infinity }, { waiting: 64 }],
    [
      [null, 0.25],
      [null, 0.25],
      [null, 0.25],
      [64, 0.25],
    ],
  ],
];
testRatings("{type: load-aware-scorer}", rows);
testRatings("{type: load-aware-scorer, parameters: {threshold: 0}}", rows);
testRatings("{type: load-aware-scorer, parameters: {threshold: -7}}", rows);
testRatings("{type: load-aware-scorer, parameters: {threshold: 8}}", [
  [
    "by its own threshold",
    [{ waiting: 2 }, { waiting: 8 }],
    [
      [2, 0.375],
      [8, 0],
    ],
  ],
]);

test("load-aware-scorer warns that a threshold of 0 counts as 128", () => {
  const text = aConfig("plugins: [{type: load-aware-scorer, parameters: {threshold: 0}}]");
  const options = { file: "c.yaml", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
  const { warnings } = loadConfig(text, options);
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ["0 counts as the default, 128"],
  );
});
