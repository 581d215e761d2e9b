import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ModelRewrite, ModelRewriteStore, type RewriteRule } from "../../src/datastore/model-rewrites.ts";
import { createRandom } from "../../src/lib/random.ts";

/** A rule for `models` (none: generic) with one target. */
function rule(models: string | readonly string[], target: string): RewriteRule {
  return {
    models: typeof models === "string" ? [models] : models,
    targets: [{ modelRewrite: target, weight: undefined }],
  };
}

function rewrite(name: string, createdAtMs: number, ...rules: RewriteRule[]): ModelRewrite {
  return { name, createdAtMs, rules };
}

const unknownAge = Number.POSITIVE_INFINITY;

const precedence: readonly {
  name: string;
  rewrites: readonly ModelRewrite[];
  model?: string;
  want: readonly [rewrite: string, target: string] | undefined;
}[] = [
  { name: "no rewrites decide nothing", rewrites: [], want: undefined },
  { name: "a rule for another model decides nothing", rewrites: [rewrite("a", 1, rule("n", "x"))], want: undefined },
  { name: "names are exact", rewrites: [rewrite("a", 1, rule(["M", "m ", "mm"], "x"))], want: undefined },
  { name: "any match of a rule is enough", rewrites: [rewrite("a", 1, rule(["n", "m"], "x"))], want: ["a", "x"] },
  { name: "a generic rule is for every model", rewrites: [rewrite("a", 1, rule([], "x"))], want: ["a", "x"] },
  {
    name: "D8 a generic rule is for no model",
    rewrites: [rewrite("a", 1, rule([], "x"))],
    model: "",
    want: ["a", "x"],
  },
  {
    name: "exact comes before generic, however young",
    rewrites: [rewrite("a", 1, rule([], "x")), rewrite("b", 2, rule("m", "y"))],
    want: ["b", "y"],
  },
  {
    name: "exact comes before a generic rule further up in the same rewrite",
    rewrites: [rewrite("a", 1, rule([], "x"), rule("m", "y"))],
    want: ["a", "y"],
  },
  {
    name: "of two exact the older decides",
    rewrites: [rewrite("a", 2, rule("m", "x")), rewrite("b", 1, rule("m", "y"))],
    want: ["b", "y"],
  },
  {
    name: "of two generic the older decides",
    rewrites: [rewrite("a", 2, rule([], "x")), rewrite("b", 1, rule([], "y"))],
    want: ["b", "y"],
  },
  {
    name: "of one age the first of the list decides",
    rewrites: [rewrite("b", 1, rule("m", "x")), rewrite("a", 1, rule("m", "y"))],
    want: ["b", "x"],
  },
  {
    name: "without ages the first of the list decides",
    rewrites: [rewrite("b", unknownAge, rule("m", "x")), rewrite("a", unknownAge, rule("m", "y"))],
    want: ["b", "x"],
  },
  {
    name: "an unknown age is the youngest",
    rewrites: [rewrite("a", unknownAge, rule("m", "x")), rewrite("b", 9, rule("m", "y"))],
    want: ["b", "y"],
  },
  {
    name: "of two rules in one rewrite the first decides",
    rewrites: [rewrite("a", 1, rule("m", "x"), rule("m", "y"))],
    want: ["a", "x"],
  },
];
for (const { name, rewrites, model = "m", want } of precedence) {
  test(`precedence: ${name}`, () => {
    const store = new ModelRewriteStore();
    store.reset(rewrites);
    const decision = store.decide(model, () => 0);
    assert.deepEqual(decision && [decision.rewrite, decision.targetModel], want);
  });
}

test("upsert and remove replace one rewrite and keep the place of the others", () => {
  const store = new ModelRewriteStore();
  const decide = (): string | undefined => store.decide("m", () => 0)?.targetModel;
  store.reset([rewrite("a", 1, rule("m", "x")), rewrite("b", 1, rule("m", "y"))]);
  store.upsert(rewrite("c", 1, rule("m", "z")));
  assert.equal(decide(), "x");
  store.upsert(rewrite("a", 1, rule("m", "x2")));
  assert.equal(decide(), "x2", "in its old place");
  assert.deepEqual(
    ["x", "x2", "y", "z"].map((model) => store.isTarget(model)),
    [false, true, true, true],
  );
  store.remove("a");
  store.remove("nobody");
  assert.equal(decide(), "y");
  store.reset([]);
  assert.deepEqual([decide(), store.isTarget("y")], [undefined, false]);
});

const weights: readonly {
  name: string;
  weights: readonly (number | undefined)[];
  draws: readonly number[];
  want: string;
}[] = [
  { name: "one target, whatever its weight", weights: [undefined], draws: [0, 0.99], want: "00" },
  { name: "proportional", weights: [1, 3], draws: [0, 0.2499, 0.25, 0.9999], want: "0011" },
  {
    name: "uniform without weights",
    weights: [undefined, undefined, undefined],
    draws: [0, 0.34, 0.67, 0.9999],
    want: "0122",
  },
  { name: "uniform with zeros", weights: [0, undefined], draws: [0, 0.49, 0.5], want: "001" },
  {
    name: "never without a weight beside one with",
    weights: [undefined, 1, undefined, 1],
    draws: [0, 0.49, 0.5, 0.9999],
    want: "1133",
  },
  { name: "the greatest weights", weights: [1_000_000, 1], draws: [0, 0.9999, 0.9999999], want: "001" },
];
for (const { name, weights: given, draws, want } of weights) {
  test(`weights: ${name}`, () => {
    const store = weighted(given);
    assert.equal(draws.map((draw) => store.decide("m", () => draw)?.targetModel).join(""), want);
  });
}

/** A store with one rule whose target `i` is called `i` and has `given[i]`. */
function weighted(given: readonly (number | undefined)[]): ModelRewriteStore {
  const [first, ...rest] = given.map((weight, index) => ({ modelRewrite: String(index), weight }));
  assert.ok(first !== undefined);
  const store = new ModelRewriteStore();
  store.reset([rewrite("a", 1, { models: [], targets: [first, ...rest] })]);
  return store;
}

const anyWeight = fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined });

test("property: the choice is a target that may be chosen, whatever is drawn", () => {
  const draw = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((bits) => bits / 2 ** 32);
  fc.assert(
    fc.property(fc.array(anyWeight, { minLength: 1, maxLength: 9 }), draw, (given, drawn) => {
      const chosen = Number(weighted(given).decide("m", () => drawn)?.targetModel);
      const someHaveOne = given.some((weight) => weight !== undefined);
      assert.ok(chosen >= 0 && chosen < given.length);
      if (someHaveOne) assert.notEqual(given[chosen], undefined);
    }),
    { numRuns: 1000 },
  );
});

test("property: shares are proportional to weights, over evenly spread draws", () => {
  fc.assert(
    fc.property(fc.array(anyWeight, { minLength: 1, maxLength: 6 }), (given) => {
      const store = weighted(given);
      const draws = 2000;
      const counts = given.map(() => 0);
      for (let i = 0; i < draws; i++) {
        const chosen = Number(store.decide("m", () => (i + 0.5) / draws)?.targetModel);
        counts[chosen] = (counts[chosen] ?? 0) + 1;
      }
      const total = given.reduce<number>((sum, weight) => sum + (weight ?? 0), 0);
      given.forEach((weight, index) => {
        const share = total === 0 ? 1 / given.length : (weight ?? 0) / total;
        // Each interval of the draws is cut exactly, so counts are off by less than one at each end.
        assert.ok(
          Math.abs((counts[index] ?? 0) - share * draws) <= 1.001,
          `${index}: ${counts.join()} for ${given.join()}`,
        );
      });
    }),
    { numRuns: 200 },
  );
});

test("the seeded source gives the same choices again", () => {
  const store = weighted([1, 2, 3]);
  const run = (): string => {
    const random = createRandom(7);
    return Array.from({ length: 50 }, () => store.decide("m", random)?.targetModel).join("");
  };
  assert.equal(run(), run());
  assert.match(run(), /^(?=.*0)(?=.*1)(?=.*2)[012]{50}$/);
});
