import assert from "node:assert/strict";
import { test } from "node:test";
import { type CoefficientFit, fitCoefficients, fittedNames } from "../../../simulator/metrics/fit-coefficients.ts";
import type { EndpointSeries } from "../../../simulator/metrics/recorded-metrics.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { recordReplica } from "./a-recorded-replica.ts";

const noFloors = { baseMs: 0, perRequestUs: 0, perContextTokenUs: 0, perPrefillTokenUs: 0 };

const cases = [
  { preset: "llama-3-8b-h100", ratePerSecond: 14 },
  { preset: "qwen3-32b-h100-tp2", ratePerSecond: 8 },
] as const;

const within = (found: number, truth: number, ratio: number, what: string): void =>
  assert.ok(Math.abs(found / truth - 1) <= ratio, `${what}: ${found}, expected ${truth} within ${100 * ratio} %`);

for (const { preset, ratePerSecond } of cases) {
  test(`coefficients of ${preset} come back from what it showed each second`, (context) => {
    const config = presetConfig(preset);
    const series = recordReplica(config, { seed: 1, seconds: 600, sampleMs: 1000, ratePerSecond });
    const fit = fitCoefficients([series], { floors: noFloors, maxBatchedTokens: config.maxBatchedTokens });
    context.diagnostic(JSON.stringify(fit));
    const truth = config.coefficients;
    within(fit.coefficients.baseMs, truth.baseMs, 0.01, "c0");
    within(fit.coefficients.perPrefillTokenUs, truth.perPrefillTokenUs, 0.07, "cP");
    within(fit.coefficients.perContextTokenUs, truth.perContextTokenUs, 0.12, "cK");
    assert.ok(fit.heldOutError < 0.03, `held-out error ${fit.heldOutError}`);
    assert.ok(fit.rSquared > 0.95, `R2 ${fit.rSquared}`);
    assert.ok(fit.conditionNumber > 1 && fit.conditionNumber < 30, `condition ${fit.conditionNumber}`);
    assert.ok(fit.heldOut >= fit.intervals / 6, `${fit.heldOut} held out of ${fit.intervals}`);
  });
}

const h100 = presetConfig("llama-3-8b-h100");
const recorded = recordReplica(h100, { seed: 2, seconds: 300, sampleMs: 1000, ratePerSecond: 12 });
const fit = (series: EndpointSeries, floors = noFloors): CoefficientFit =>
  fitCoefficients([series], { floors, maxBatchedTokens: h100.maxBatchedTokens });

test("wild intervals barely move the fit", () => {
  const clean = fit(recorded);
  const count = recorded.histograms.stepTokens.count.slice();
  // A lost page and a late one: in every fifteenth interval half of the steps are missing, and the next has them.
  for (let at = 15; at < count.length; at += 15) count[at]! -= 0.5 * (count[at]! - count[at - 1]!);
  const stepTokens = { ...recorded.histograms.stepTokens, count };
  const wild = fit({ ...recorded, histograms: { ...recorded.histograms, stepTokens } });
  within(wild.coefficients.baseMs, clean.coefficients.baseMs, 0.02, "c0");
  within(wild.coefficients.perPrefillTokenUs, clean.coefficients.perPrefillTokenUs, 0.1, "cP");
});

test("a floor above the truth holds and is told", () => {
  const floors = { ...noFloors, perPrefillTokenUs: 40 };
  const { coefficients, atFloor } = fit(recorded, floors);
  assert.equal(coefficients.perPrefillTokenUs, 40);
  assert.ok(atFloor.includes("perPrefillTokenUs"));
  assert.ok(fittedNames.every((name) => coefficients[name] >= floors[name]));
});

test("without a count of steps the times between tokens give it", () => {
  const unknown = recorded.timesMs.map(() => Number.NaN);
  const { stepTokens } = recorded.histograms;
  // Every request of a batch gets a token a step, so a step is the mean time between them.
  const tokens = recorded.counters.generationTokens;
  const itlSeconds = {
    ...stepTokens,
    count: tokens,
    sum: tokens.map((_, at) => {
      let seconds = 0;
      for (let i = 1; i <= at; i++) {
        const steps = stepTokens.count[i]! - stepTokens.count[i - 1]!;
        if (steps > 0)
          seconds += ((tokens[i]! - tokens[i - 1]!) * (recorded.timesMs[i]! - recorded.timesMs[i - 1]!)) / steps / 1000;
      }
      return seconds;
    }),
  };
  const histograms = { ...recorded.histograms, stepTokens: { ...stepTokens, count: unknown }, itlSeconds };
  within(fit({ ...recorded, histograms }).coefficients.baseMs, 7, 0.02, "c0");
});

test("a record without work is refused", () => {
  const idle = recorded.timesMs.map(() => 0);
  const gauges = { ...recorded.gauges, running: idle };
  assert.throws(
    () => fit({ ...recorded, gauges }),
    /Cannot fit coefficients: 0 stretches of work without a pause, expected at least 12/,
  );
});
