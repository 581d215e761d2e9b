import assert from "node:assert/strict";
import { test } from "node:test";
import { generateConversationTrace } from "../../../simulator/generators/conversation-trace.ts";
import { azureCode, azureConversation } from "../../../simulator/generators/published-statistics.ts";
import { generateSingleRequests } from "../../../simulator/generators/single-requests.ts";
import { describeTrace, type TraceStatistics } from "../../../simulator/traces/describe-trace.ts";

/** Mean of a statistic over seeds. */
function overSeeds(generate: (seed: number) => TraceStatistics, read: (statistics: TraceStatistics) => number): number {
  const seeds = [1, 2, 3, 4, 5];
  return seeds.reduce((sum, seed) => sum + read(generate(seed)), 0) / seeds.length;
}

function near(found: number, published: number, ratio: number, what: string): void {
  const off = Math.abs(found / published - 1);
  assert.ok(off <= ratio, `${what}: ${found.toFixed(3)}, published ${published}, off by ${(100 * off).toFixed(1)} %`);
}

const azureConv = new Map<number, TraceStatistics>();
const azureCodes = new Map<number, TraceStatistics>();
const mooncakes = new Map<number, TraceStatistics>();
const once = (known: Map<number, TraceStatistics>, make: (seed: number) => TraceStatistics) => (seed: number) => {
  const statistics = known.get(seed) ?? make(seed);
  known.set(seed, statistics);
  return statistics;
};

test("azure-conv-like: in 1155/4142, out 211/601, gap CV 1.09", () => {
  const load = { ...azureConversation, cv: azureConversation.gapCv, requests: 19_366 };
  const make = once(azureConv, (seed) => describeTrace(generateSingleRequests({ ...load, seed })));
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.mean),
    1155,
    0.02,
    "prompt mean",
  );
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.p50),
    1020,
    0.02,
    "prompt p50",
  );
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.p99),
    4142,
    0.02,
    "prompt p99",
  );
  near(
    overSeeds(make, ({ outputTokens }) => outputTokens.mean),
    211,
    0.02,
    "output mean",
  );
  near(
    overSeeds(make, ({ outputTokens }) => outputTokens.p99),
    601,
    0.03,
    "output p99",
  );
  near(
    overSeeds(make, ({ gapCv }) => gapCv),
    1.09,
    0.02,
    "gap CV",
  );
  near(
    overSeeds(make, ({ ratePerSecond }) => ratePerSecond),
    5.53,
    0.02,
    "rate",
  );
});

test("azure-code-like: in 2048/7436, out 28/249, gap CV 13.2", () => {
  const load = { ...azureCode, cv: azureCode.gapCv, requests: 40_000 };
  const make = once(azureCodes, (seed) => describeTrace(generateSingleRequests({ ...load, seed })));
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.mean),
    2048,
    0.02,
    "prompt mean",
  );
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.p99),
    7436,
    0.03,
    "prompt p99",
  );
  near(
    overSeeds(make, ({ outputTokens }) => outputTokens.mean),
    28,
    0.04,
    "output mean",
  );
  near(
    overSeeds(make, ({ outputTokens }) => outputTokens.p99),
    249,
    0.06,
    "output p99",
  );
  near(
    overSeeds(make, ({ gapCv }) => gapCv),
    13.2,
    0.1,
    "gap CV",
  );
});

test("mooncake-like: in 12,035/85k, out 343, prefix hit bound 36.6 %", () => {
  const load = { requests: 12_031, ratePerSecond: 3.4 };
  const make = once(mooncakes, (seed) => describeTrace(generateConversationTrace({ ...load, seed })));
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.mean),
    12_035,
    0.03,
    "prompt mean",
  );
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.p50),
    6909,
    0.06,
    "prompt p50",
  );
  near(
    overSeeds(make, ({ promptTokens }) => promptTokens.p99),
    85_401,
    0.06,
    "prompt p99",
  );
  near(
    overSeeds(make, ({ outputTokens }) => outputTokens.mean),
    343,
    0.02,
    "output mean",
  );
  near(
    overSeeds(make, ({ prefixHitRatio }) => prefixHitRatio),
    0.366,
    0.03,
    "prefix hit bound",
  );
  near(
    overSeeds(make, ({ gapCv }) => gapCv),
    1,
    0.02,
    "gap CV",
  );
});
