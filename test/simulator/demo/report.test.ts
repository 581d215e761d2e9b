import assert from "node:assert/strict";
import test from "node:test";
import { countFailures, summarizeArm } from "../../../simulator/demo/report.ts";
import type { Outcome } from "../../../simulator/load/client.ts";
import type { LoadRequest } from "../../../simulator/load/load-request.ts";

const request: LoadRequest = {
  id: 0,
  arrivalMs: 0,
  model: "base",
  adapter: undefined,
  prompt: { api: "completions", text: "" },
  outputTokens: 1,
};

function anOutcome(endpoint: string | undefined, ttftMs: number, traits: Partial<Outcome> = {}): Outcome {
  const e2eMs = ttftMs * 2;
  return {
    request,
    endpoint,
    error: undefined,
    ttftMs,
    e2eMs,
    promptTokens: 100,
    cachedTokens: 25,
    outputTokens: 10,
    ...traits,
  };
}

test("summarizeArm counts failures but keeps them out of the figures", () => {
  const failed = { error: "status 500, expected 200", e2eMs: Number.NaN };
  const outcomes = [
    anOutcome("a", 10),
    anOutcome("a", 30),
    anOutcome("b", 20),
    anOutcome(undefined, Number.NaN, failed),
  ];
  assert.deepEqual(summarizeArm("picker", outcomes, ["a", "b", "c"], 2000), {
    name: "picker",
    requests: 4,
    errors: 1,
    ttftMs: { p50: 20, p90: 30, p99: 30 },
    e2eMs: { p50: 40, p90: 60, p99: 60 },
    outputTokensPerSecond: 15,
    prefixHitRatio: 0.25,
    share: { a: 0.6667, b: 0.3333, c: 0 },
  });
  assert.deepEqual([...countFailures(outcomes)], [["status 500, expected 200", 1]]);
});
