import assert from "node:assert/strict";
import { test } from "node:test";
import { describeTrace } from "../../../simulator/traces/describe-trace.ts";
import { RequestTableBuilder } from "../../../simulator/traces/request-table-builder.ts";

test("statistics of a load that can be counted by hand", () => {
  const builder = new RequestTableBuilder(10, "m");
  const add = (arrivalMs: number, promptTokens: number, contents: readonly number[], session?: string): number => {
    const request = builder.add({
      arrivalMs,
      promptTokens,
      outputTokens: 2,
      ...(session === undefined ? {} : { session }),
    });
    builder.addBlocks(contents);
    return request;
  };
  const first = add(0, 25, [1, 2], "s");
  add(1000, 31, [1, 2, 3]);
  // The third block stands after others than before, so it is another; blocks beyond the prompt are of the answer.
  add(3000, 30, [1, 3, 3]);
  builder.add({ arrivalMs: 5000, promptTokens: 19, outputTokens: 20, session: "s", after: first, delayMs: 10 });
  builder.addBlocks([1, 2, 3]);
  const { gapCv, ratePerSecond, ...others } = describeTrace(builder.build());
  // Gaps of 1, 2 and 2 s.
  assert.ok(Math.abs(gapCv - Math.sqrt(2 / 9) / (5 / 3)) < 1e-12, `gap CV ${gapCv}`);
  assert.equal(ratePerSecond, 0.8);
  assert.deepEqual(others, {
    requests: 4,
    spanMs: 5000,
    promptTokens: { mean: 26.25, p50: 25, p99: 31, max: 31 },
    outputTokens: { mean: 6.5, p50: 2, p99: 20, max: 20 },
    followers: 1,
    sessions: 1,
    adapters: 0,
    // Found: 0, 2, 1 and 1 of 3, 4, 3 and 2 blocks.
    prefixHitRatio: 4 / 12,
  });
});

test("an empty load has no rate and no gaps", () => {
  const { requests, spanMs, ratePerSecond, gapCv, prefixHitRatio } = describeTrace(
    new RequestTableBuilder(16, "m").build(),
  );
  assert.deepEqual([requests, spanMs, ratePerSecond, gapCv, prefixHitRatio], [0, 0, Number.NaN, Number.NaN, 0]);
});
