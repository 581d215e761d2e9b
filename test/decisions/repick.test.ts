import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decisionRecordSchema } from "../../src/decisions/decision-record.ts";
import { repick } from "../../src/decisions/repick.ts";
import { createRandom } from "../../src/lib/random.ts";
import { Scratch } from "../../src/scheduling/scratch.ts";
import { aDecision } from "../support/a-decision.ts";
import { aPlan } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const scorers = [
  "queue-scorer",
  "running-requests-size-scorer",
  "kv-cache-utilization-scorer",
  "lora-affinity-scorer",
  "prefix-cache-scorer",
];
const pickers = ["max-score-picker", "random-picker", "weighted-random-picker"];

const config = fc.record({
  picker: fc.constantFrom(...pickers),
  maxNumOfEndpoints: fc.integer({ min: -1, max: 4 }),
  weights: fc.array(fc.oneof(fc.integer({ min: -2, max: 3 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })), {
    minLength: scorers.length,
    maxLength: scorers.length,
  }),
  used: fc.subarray(scorers),
});

const count = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(0.1, 0.3, 1e6, Number.NaN, -1, Number.POSITIVE_INFINITY),
);
const traits = fc.record(
  {
    waiting: count,
    running: count,
    kv: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 2, Number.NaN)),
    adapters: fc.constantFrom<{ running?: Set<string>; waiting?: Set<string>; maxAdapters?: number }>(
      { running: new Set(["base"]), maxAdapters: 2 },
      { waiting: new Set(["other"]) },
    ),
    inFlight: fc.nat(5),
    lastResort: fc.boolean(),
    slowStart: fc.constantFrom<"ahead" | "even" | "behind">("ahead", "even", "behind"),
  },
  { requiredKeys: [] },
);

function planOf({ picker, maxNumOfEndpoints, weights, used }: typeof config extends fc.Arbitrary<infer T> ? T : never) {
  const uses = used.map((type) => `{pluginRef: ${type}, weight: ${weights[scorers.indexOf(type)]}}`);
  return aPlan(`
plugins: [${[...used.map((type) => `{type: ${type}}`), `{type: ${picker}, parameters: {maxNumOfEndpoints: ${maxNumOfEndpoints}}}`].join(", ")}]
schedulingProfiles:
  - name: default
    plugins: [${[...uses, `{pluginRef: ${picker}}`].join(", ")}]
`);
}

test("the pick follows from the JSON of the record alone, which loses nothing on its way", () => {
  const scratch = new Scratch();
  const choices = new Set<string>();
  fc.assert(
    fc.property(config, fc.array(traits, { maxLength: 9 }), fc.integer(), fc.string(), (chosen, pool, seed, model) => {
      const endpoints = pool.map((some, i) => anEndpoint(`server-${i}`, { ...some, host: `10.0.0.${i}` }));
      const record = aDecision({
        endpoints,
        plan: planOf(chosen),
        random: createRandom(seed),
        request: aRequest({ model, prompt: "a prompt" }),
        scratch,
      });
      const parsed: unknown = JSON.parse(JSON.stringify(record));
      assert.deepEqual(parsed, record);
      assert.deepEqual(decisionRecordSchema.parse(parsed), record);
      const again = repick(decisionRecordSchema.parse(parsed));
      assert.deepEqual(again.picked, record.picked);
      assert.deepEqual(
        again.totals,
        record.candidates.map(({ total }) => total),
      );
      assert.equal(record.outcome.kind, endpoints.length === 0 ? "rejected" : "forwarded");
      choices.add(record.choice);
    }),
    { numRuns: 200 },
  );
  assert.deepEqual([...choices].toSorted(), ["chance", "greatest-total", "none", "only-candidate", "tie"]);
});

test("another weight, another draw or another score gives another pick", () => {
  const endpoints = [anEndpoint("a", { waiting: 0, kv: 0.9 }), anEndpoint("b", { waiting: 5, kv: 0.1 })];
  const record = aDecision({
    endpoints,
    plan: aPlan("plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}]"),
  });
  assert.deepEqual(record.picked, ["default/a"]);
  const heavier = record.scorers.map((scorer, s) => ({ ...scorer, weight: s === 1 ? 9 : scorer.weight }));
  assert.deepEqual(repick({ ...record, scorers: heavier }).picked, ["default/b"]);
  const tied = aDecision({ endpoints: [anEndpoint("a", { waiting: 1 }), anEndpoint("b", { waiting: 1 })] });
  assert.equal(tied.choice, "tie");
  assert.deepEqual(
    [0, 0.7].map((draw) => repick({ ...tied, draws: [draw] }).picked[0]),
    ["default/a", "default/b"],
  );
});

test("a record with a picker of another version, or with too few draws, is refused", () => {
  const record = aDecision({ endpoints: [anEndpoint("a", { waiting: 1 }), anEndpoint("b", { waiting: 1 })] });
  assert.throws(() => repick({ ...record, draws: [] }), /Cannot repeat the pick of "request-1": 0 draws recorded/);
  const picker = { name: "p", type: "future-picker", parameters: {} };
  assert.throws(() => repick({ ...record, picker }), /Cannot repeat a pick of "future-picker": no such picker/);
});
