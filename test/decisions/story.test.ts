import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { DecisionRecord } from "../../src/decisions/decision-record.ts";
import { tellDecision } from "../../src/decisions/story.ts";
import { createRandom } from "../../src/lib/random.ts";
import { aDecision } from "../support/a-decision.ts";
import { aPlan } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { storyDecision } from "../support/a-story.ts";
import { anEndpoint } from "../support/an-endpoint.ts";

test("README.md shows the story of a decision as it is told", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const shown = /<!-- explain -->\n```\n([^]*?)\n```\n<!-- \/explain -->/.exec(readme)?.[1];
  assert.equal(shown, tellDecision(storyDecision()));
});

test("the parts of the story are those of the record", () => {
  const record = storyDecision();
  assert.deepEqual(record.picked, ["default/vllm-1"]);
  assert.deepEqual(
    record.removals.map(({ step, looksAt, removed }) => [step, looksAt, removed.map(({ id, found }) => [id, found])]),
    [
      ["last-resort", null, [["default/vllm-5", null]]],
      ["filter", "label tier", [["default/vllm-4", "bronze"]]],
    ],
  );
  assert.deepEqual(record.findings, [
    { producer: "approx-prefix-cache-producer", totalBlocks: 5, blockSizeTokens: 64, matchedBlocks: 4 },
  ]);
});

/** The second paragraph: where the request went and why. */
function verdict(record: DecisionRecord): string {
  return (tellDecision(record).split("\n\n")[1] ?? "").replaceAll("\n", " ");
}

test("the story says how the pick came about", () => {
  const pool = (...waiting: number[]) => waiting.map((count, i) => anEndpoint(`s${i}`, { waiting: count }));
  const queue = (picker: string) => aPlan(`plugins: [{type: queue-scorer}, {type: ${picker}}]`);
  assert.equal(
    verdict(aDecision({ endpoints: pool(0, 4), plan: queue("max-score-picker") })),
    "Sent to default/s0 (10.0.0.1:8000): total 1.000, 1.000 ahead of default/s1.",
  );
  assert.equal(
    verdict(aDecision({ endpoints: pool(3), plan: queue("max-score-picker") })),
    "Sent to default/s0 (10.0.0.1:8000): total 1.000. It was the only candidate.",
  );
  assert.equal(
    verdict(aDecision({ endpoints: pool(1, 1, 5), plan: queue("max-score-picker"), random: () => 0.75 })),
    "Sent to default/s1 (10.0.0.1:8000): total 1.000, level with default/s0. 2 candidates had the greatest total; chance chose among them (draw 0.75).",
  );
  assert.equal(
    verdict(aDecision({ endpoints: pool(0, 2, 4), plan: queue("weighted-random-picker"), random: () => 0.5 })),
    "Sent to default/s0 (10.0.0.1:8000): total 1.000, 0.500 ahead of default/s1. Chance chose: weighted-random-picker, with odds of 66.7 %, draws 0.5, 0.5, 0.5, 0.5.",
  );
  assert.equal(
    verdict(aDecision({ endpoints: pool(0, 4), plan: queue("random-picker"), random: () => 0.9 })),
    "Sent to default/s1 (10.0.0.1:8000): total 0.000, 1.000 behind default/s0. Chance chose: random-picker, with odds of 50.0 %, draw 0.9.",
  );
});

test("the story of a refusal says who refused and why", () => {
  const nobody = aDecision({ endpoints: [] });
  assert.equal(
    verdict(nobody),
    "Refused with status 503, rejected-no-endpoints: failed to find endpoint candidates for serving the request.",
  );
  const elsewhere = aDecision({ endpoints: [anEndpoint("a")], subset: "10.9.9.9:1" });
  assert.match(
    tellDecision(elsewhere),
    /Removed before rating, of 1 endpoints:\n  not in the host's subset hint:\n    default\/a \(10\.0\.0\.1:8000\)\n/,
  );
});

test("no line is longer than 100 columns and none has anything but printable ASCII", () => {
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 300 }));
  const endpoint = fc.record({
    name: text,
    host: text,
    waiting: fc.double({ min: 0, noNaN: true }),
    kv: fc.double({ min: 0, max: 1 }),
  });
  const traits = fc.record({ requestId: text, model: text, targetModel: text, objective: text, fairnessId: text });
  fc.assert(
    fc.property(fc.array(endpoint, { maxLength: 30 }), traits, fc.integer(), (pool, request, seed) => {
      const endpoints = pool.map(({ name, ...more }, i) => anEndpoint(`${i}${name}`, more));
      const story = tellDecision(aDecision({ endpoints, request: aRequest(request), random: createRandom(seed) }));
      assert.match(story, /^[\x20-\x7e\n]+$/);
      assert.deepEqual(
        story.split("\n").filter((line) => line.length > 100),
        [],
      );
    }),
    { numRuns: 200 },
  );
});
