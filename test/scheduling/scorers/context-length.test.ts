import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointTraits } from "../../support/an-endpoint.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { explain } from "../../../src/scheduling/explain.ts";
import { schedule } from "../../../src/scheduling/schedule.ts";
import { aPlan, traceOf } from "../../support/a-plan.ts";
import { aRequest } from "../../support/a-request.ts";
import { endpointsOf, type Rating, ratingsOf, testRatings } from "../../support/ratings.ts";

const labelled = (range: string, label = "llm-d.ai/context-length-range"): EndpointTraits => ({
  labels: { [label]: range },
});
/** 16 tokens. */
const request = aRequest({ prompt: "abcd".repeat(16) });

const inside = (width: number, headroom: number): number =>
  0.3 + 0.7 * (0.7 / (1 + width / 10_000) + (0.3 * headroom) / width);

const boundaries: [range: string, rating: Rating][] = [
  ["0-16", [0, inside(16, 0)]],
  ["16-16", [0, 1]],
  ["16-32", [0, inside(16, 16)]],
  [" 10 - 20000 ", [0, inside(19_990, 19_984)]],
  ["17-32", [1, 0.3 / 1.001]],
  ["0-15", [1, 0.3 / 1.001]],
  ["1016-2000", [1000, 0.15]],
  ["0-0", [16, 0.3 / 1.016]],
];
const malformed = ["abc", "", "5-4", "-5-10", "100", "1-2-3", "1.5-3", "1e3-2e3", "0x1-0x9", "9999999999999999-2"];

testRatings(
  "{type: context-length-aware}",
  [
    ...boundaries.map(([range, rating]) => [`16 tokens by ${range}`, [labelled(range)], [rating]] as const),
    [
      "no label as neutral",
      [{}, {}],
      [
        [null, 0.5],
        [null, 0.5],
      ],
    ],
    ...malformed.map((range) => [`the label "${range}" as no range`, [labelled(range)], [[null, 0]]] as const),
  ],
  request,
);
testRatings(
  "{type: context-length-aware, parameters: {label: example.com/ctx}}",
  [
    [
      "its own label",
      [labelled("16-16", "example.com/ctx"), labelled("16-16")],
      [
        [0, 1],
        [null, 0.5],
      ],
    ],
  ],
  request,
);

testRatings("{type: context-length-aware, parameters: {label: constructor}}", [
  ["a label that every object has as no label", [{}], [[null, 0.5]]],
]);

test("context-length-aware takes the estimate of the cycle", () => {
  const plan = aPlan("plugins: [{type: context-length-aware}]");
  const tokens = { inputTokens: 100, outputTokens: undefined };
  const endpoints = endpointsOf([labelled("100-100")]);
  const trace = traceOf(schedule(request, endpoints, { nowMs: 0, random: createRandom(1), plan, tokens }));
  assert.deepEqual(explain(trace).candidates[0]?.scores, [{ raw: 0, score: 1 }]);
});

test("context-length-aware reads a changed label", () => {
  const plan = aPlan("plugins: [{type: context-length-aware}]");
  assert.deepEqual(ratingsOf(plan, endpointsOf([labelled("16-16")]), request), [[0, 1]]);
  assert.deepEqual(ratingsOf(plan, endpointsOf([labelled("17-17")]), request), [[1, 0.3 / 1.001]]);
});

const pool = endpointsOf([...boundaries.map(([range]) => labelled(range)), labelled("abc"), {}]);

test("context-length-aware keeps every endpoint unless it filters", () => {
  assert.equal(ratingsOf(aPlan("plugins: [{type: context-length-aware}]"), pool, request).length, pool.length);
});

test("context-length-aware with enableFiltering keeps what fits or has no label", () => {
  const plan = aPlan("plugins: [{type: context-length-aware, parameters: {enableFiltering: true}}]");
  const trace = traceOf(schedule(request, pool, { nowMs: 0, random: createRandom(1), plan }));
  assert.deepEqual(
    trace.candidates.map(({ name }) => name),
    ["server-0", "server-1", "server-2", "server-3", "server-9"],
  );
});

test("context-length-aware with enableFiltering may leave none", () => {
  const plan = aPlan("plugins: [{type: context-length-aware, parameters: {enableFiltering: true}}]");
  const decision = schedule(request, endpointsOf([labelled("17-18")]), { nowMs: 0, random: createRandom(1), plan });
  assert.equal(decision.kind, "none");
  assert.equal(decision.kind === "none" && decision.reason, "all-filtered");
});
