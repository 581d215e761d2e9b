import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../src/datastore/endpoint.ts";
import { createRandom } from "../../src/lib/random.ts";
import { z } from "../../src/lib/schema.ts";
import { explain } from "../../src/scheduling/explain.ts";
import { noParameters } from "../../src/scheduling/parameters.ts";
import { definePlugin } from "../../src/scheduling/plugin.ts";
import { noteDispatched, schedule } from "../../src/scheduling/schedule.ts";
import { Scratch } from "../../src/scheduling/scratch.ts";
import { aPlan, aRegistry, traceOf } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

const labelFilter = definePlugin({
  type: "label-filter",
  summary: "Keeps endpoints with a label.",
  parameters: z.strictObject({ label: z.string() }),
  roles: ["filter"],
  create: ({ label }) => ({
    filter: { filter: (_cycle, candidates) => candidates.filter((some) => label in some.labels) },
  }),
});
const labelScorer = definePlugin({
  type: "label-scorer",
  summary: "Scores what the label says.",
  parameters: noParameters,
  roles: ["scorer"],
  create: () => ({
    scorer: {
      score: (_cycle, candidates, { raw, score }) => {
        for (const [i, { labels }] of candidates.entries()) raw[i] = score[i] = Number(labels["score"]);
      },
    },
  }),
});
const registry = aRegistry([labelFilter, labelScorer]);

const context = { nowMs: 0, random: createRandom(1) };

function pickedBy(plugins: string, endpoints: readonly Endpoint[], model = "base"): string[] {
  const decision = schedule(aRequest({ model }), endpoints, { ...context, plan: aPlan(plugins, registry) });
  return decision.kind === "picked"
    ? decision.endpoints.map(({ name }) => name)
    : [decision.kind === "none" ? decision.reason : decision.denial.code];
}

const profile = (queueWeight: number, kvWeight: number): string => `
plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}]
schedulingProfiles:
  - name: default
    plugins: [{pluginRef: queue-scorer, weight: ${queueWeight}}, {pluginRef: kv-cache-utilization-scorer, weight: ${kvWeight}}]
`;

test("H1 weights change the winner", () => {
  const endpoints = [
    anEndpoint("short-queue", { waiting: 0, kv: 0.8 }),
    anEndpoint("free-cache", { waiting: 5, kv: 0.1 }),
  ];
  assert.deepEqual(pickedBy(profile(1, 1), endpoints), ["short-queue"]);
  assert.deepEqual(pickedBy(profile(1, 2), endpoints), ["free-cache"]);
  assert.deepEqual(pickedBy(profile(-1, 0), endpoints), ["free-cache"]);
});

test("H1 scores below 0 or above 1 are clamped, and what is not rated gets the mean", () => {
  const labels = ["-3", "0.25", "7", "NaN", "Infinity", "-Infinity"];
  const endpoints = labels.map((score, i) => anEndpoint(`server-${i}`, { labels: { score } }));
  const plan = aPlan("plugins: [{type: label-scorer}]", registry);
  const trace = traceOf(schedule(aRequest(), endpoints, { ...context, plan }));
  const { candidates } = explain(trace);
  assert.deepEqual(
    candidates.map(({ total }) => total),
    [0, 0.25, 1, 2.25 / 5, 1, 0],
  );
  assert.deepEqual(
    candidates.map(({ scores }) => scores[0]?.raw),
    [-3, 0.25, 7, null, null, null],
  );
});

const filters = `
plugins:
  - {type: label-filter, name: first, parameters: {label: a}}
  - {type: label-filter, name: second, parameters: {label: b}}
`;

test("H2 filters run in order, each on what the one before left", () => {
  const endpoints = [{ a: "" }, { b: "" }, { a: "", b: "" }].map((labels, i) => anEndpoint(`server-${i}`, { labels }));
  const decision = schedule(aRequest(), endpoints, { ...context, plan: aPlan(filters, registry) });
  assert.equal(decision.kind, "picked");
  assert.deepEqual(explain(traceOf(decision)).filters, [
    { name: "first", type: "label-filter", removed: ["default/server-1"] },
    { name: "second", type: "label-filter", removed: ["default/server-0"] },
  ]);
  assert.deepEqual(explain(traceOf(decision)).picked, ["default/server-2"]);
});

test("H2 when a filter leaves none, the decision names it and later filters do not run", () => {
  const endpoints = [anEndpoint("server-0", { labels: { b: "" } })];
  const decision = schedule(aRequest(), endpoints, { ...context, plan: aPlan(filters, registry) });
  assert.equal(decision.kind, "none");
  assert.equal(decision.reason, "all-filtered");
  assert.equal(decision.by?.name, "first");
  assert.equal(decision.trace?.kept.length, 1);
});

test("no endpoints, no pick", () => assert.deepEqual(pickedBy("plugins: []", []), ["no-endpoints"]));

const everyScorer =
  "plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}, {type: prefix-cache-scorer}, {type: lora-affinity-scorer}]";

test("A2 the endpoint that runs the adapter wins over emptier caches", () => {
  const adapters = { running: new Set(["sql-lora"]) };
  const endpoints = [
    anEndpoint("p0", { waiting: 10, kv: 0.2 }),
    anEndpoint("p1", { waiting: 10, kv: 0.4, adapters }),
    anEndpoint("p2", { waiting: 10, kv: 0.3 }),
  ];
  assert.deepEqual(pickedBy(everyScorer, endpoints, "sql-lora"), ["p1"]);
});

test("A3 with every endpoint over some threshold the best of them is picked", () => {
  const adapters = { running: new Set(["sql-lora"]) };
  const endpoints = [
    anEndpoint("p0", { waiting: 6, kv: 0.2, adapters }),
    anEndpoint("p1", { waiting: 0, kv: 0.85 }),
    anEndpoint("p2", { waiting: 10, kv: 0.9 }),
  ];
  assert.deepEqual(pickedBy(everyScorer, endpoints, "sql-lora"), ["p0"]);
});

test("an explanation holds what the pick was made of: its numbers give the total, its draws repeat the pick", () => {
  const traits = fc.record({ waiting: fc.nat(5), kv: fc.double({ min: 0, max: 1, noNaN: true }) });
  const plan = aPlan();
  const scratch = new Scratch();
  fc.assert(
    fc.property(fc.array(traits, { minLength: 1, maxLength: 12 }), fc.integer(), fc.string(), (pool, seed, prompt) => {
      const endpoints = pool.map((some, i) => anEndpoint(`server-${i}`, some));
      const request = aRequest({ prompt });
      const decision = schedule(request, endpoints, { nowMs: 0, random: createRandom(seed), plan, scratch });
      const explanation = explain(traceOf(decision));
      for (const { scores, total } of explanation.candidates) {
        assert.equal(
          scores.reduce((sum, { score }, s) => sum + score * (explanation.scorers[s]?.weight ?? 0), 0),
          total,
        );
      }
      const draws = explanation.draws.values();
      const replayed = (): number => draws.next().value ?? Number.NaN;
      const again = schedule(request, endpoints, { nowMs: 0, random: replayed, plan });
      assert.deepEqual(explain(traceOf(again)), explanation);
      const seeded = schedule(request, endpoints, { nowMs: 0, random: createRandom(seed), plan, scratch });
      assert.deepEqual(explain(traceOf(seeded)), explanation);
    }),
    { numRuns: 100 },
  );
});

test("the margin is the lead over the next best, 0 among equals, null without another", () => {
  const margin = (...waiting: number[]): number | null => {
    const endpoints = waiting.map((some, i) => anEndpoint(`server-${i}`, { waiting: some }));
    const plan = aPlan("plugins: [{type: queue-scorer}]");
    return explain(traceOf(schedule(aRequest(), endpoints, { ...context, plan }))).margin;
  };
  assert.equal(margin(0, 3, 4), 0.75);
  assert.equal(margin(3, 3), 0);
  assert.equal(margin(3), null);
});

test("a scratch serves pools of any size, one after another, and leaves nothing behind", () => {
  const scratch = new Scratch();
  const plan = aPlan();
  for (const size of [3, 40, 1, 17, 5]) {
    const endpoints = Array.from({ length: size }, (_, i) => anEndpoint(`server-${i}`, { waiting: i }));
    const shared = schedule(aRequest(), endpoints, { ...context, random: createRandom(2), plan, scratch });
    const fresh = schedule(aRequest(), endpoints, { ...context, random: createRandom(2), plan });
    assert.deepEqual(explain(traceOf(shared)), explain(traceOf(fresh)));
  }
});

test("endpoints of equal score share the load", () => {
  const plan = aPlan();
  const endpoints = Array.from({ length: 4 }, (_, i) => anEndpoint(`server-${i}`, { waiting: 0, kv: 0 }));
  const random = createRandom(3);
  const counts = new Map<string, number>();
  for (let i = 0; i < 400; i++) {
    const decision = schedule(aRequest(), endpoints, { nowMs: 0, random, plan });
    if (decision.kind !== "picked") continue;
    noteDispatched(plan, decision);
    const { name } = decision.endpoints[0];
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const count of counts.values()) assert.ok(count > 60, [...counts].join(" "));
  assert.equal(counts.size, 4);
});
