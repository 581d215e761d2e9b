import assert from "node:assert/strict";
import { test } from "node:test";
import { presetConfig, presetNames } from "../../../simulator/replica/presets.ts";
import { createReplica } from "../../../simulator/replica/replica.ts";
import { DecodeStretch, stepTimeMs } from "../../../simulator/replica/step-time.ts";

const h100 = presetConfig("llama-3-8b-h100");
const qwen = presetConfig("qwen3-32b-h100-tp2");

const cases = [
  {
    name: "of one decode after 1,000 tokens",
    config: h100,
    work: { requests: 1, contextTokens: 1000, prefillTokens: 0, attentionPairs: 0, adapters: 0 },
    // 7 + 0.005 + 1000 * 0.06e-3
    wantMs: 7.065,
  },
  {
    name: "of 64 decodes at 2,000 tokens each",
    config: h100,
    work: { requests: 64, contextTokens: 128_000, prefillTokens: 0, attentionPairs: 0, adapters: 0 },
    // 7 + 0.32 + 7.68
    wantMs: 15,
  },
  {
    name: "of a first chunk of 8192 tokens",
    config: qwen,
    work: { requests: 1, contextTokens: 0, prefillTokens: 8192, attentionPairs: 8192 * 4096, adapters: 0 },
    // 13 + 0.01 + 311.296 + 87.2415
    wantMs: 411.547_523_2,
  },
  {
    name: "of two adapters, 2 % slower each",
    config: h100,
    work: { requests: 2, contextTokens: 0, prefillTokens: 0, attentionPairs: 0, adapters: 2 },
    wantMs: 7.01 * 1.04,
  },
];

for (const { name, config, work, wantMs } of cases) {
  test(`step time ${name}`, () => {
    const got = stepTimeMs(config, work);
    assert.ok(Math.abs(got - wantMs) < 1e-6, `${got} ms, expected ${wantMs}`);
  });
}

test("where terms overlap, the longer of memory and compute counts", () => {
  const work = { requests: 1, contextTokens: 0, prefillTokens: 8192, attentionPairs: 8192 * 4096, adapters: 0 };
  const both = stepTimeMs({ ...qwen, stepTerms: "max" }, work);
  assert.ok(Math.abs(both - (311.296 + 87.241_523_2)) < 1e-6, `${both} ms`);
  const decode = { requests: 64, contextTokens: 128_000, prefillTokens: 0, attentionPairs: 0, adapters: 0 };
  assert.equal(stepTimeMs({ ...qwen, stepTerms: "max" }, decode), stepTimeMs(qwen, decode));
});

test("a stretch of decode steps ends when the same steps taken one by one do", () => {
  const stretch = new DecodeStretch(h100);
  let [endMs, contextTokens] = [5, 30_000];
  stretch.begin(endMs, { requests: 70, contextTokens, prefillTokens: 0, attentionPairs: 0, adapters: 3 });
  assert.equal(stretch.endMs(0), 5);
  for (let steps = 1; steps <= 500; steps++) {
    endMs += stepTimeMs(h100, { requests: 70, contextTokens, prefillTokens: 0, attentionPairs: 0, adapters: 3 });
    contextTokens += 70;
    assert.ok(Math.abs(stretch.endMs(steps) - endMs) < 1e-9 * endMs);
  }
});

test("every preset makes a replica", () => {
  for (const name of presetNames) assert.equal(createReplica(presetConfig(name)).load().running, 0);
});

test("an unknown preset is refused with the known ones", () => {
  assert.throws(
    () => presetConfig("gpt-2-cpu"),
    /Cannot use preset "gpt-2-cpu": unknown, expected one of llama-3-8b-h100/,
  );
});

const badConfigs = [
  { overrides: { maxSeqs: 0 }, message: /"maxSeqs": 0, expected a whole number from 1/ },
  { overrides: { kvTokens: 100.5 }, message: /"kvTokens": 100.5, expected a whole number/ },
  { overrides: { adapterLoadMs: Number.NaN }, message: /"adapterLoadMs": NaN, expected a finite number from 0/ },
  { overrides: { stepTerms: "product" as "sum" }, message: /"stepTerms": product, expected "sum" or "max"/ },
  { overrides: { maxLoras: 9 }, message: /"maxCpuLoras": 8, expected at least maxLoras \(9\)/ },
  { overrides: { maxModelTokens: 500_000 }, message: /"maxModelTokens": 500000, expected at most/ },
] as const;

for (const { overrides, message } of badConfigs) {
  test(`a replica config with ${JSON.stringify(overrides)} is refused`, () => {
    assert.throws(() => createReplica(presetConfig("llama-3-8b-h100", overrides)), message);
  });
}
