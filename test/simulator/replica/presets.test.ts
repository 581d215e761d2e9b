import assert from "node:assert/strict";
import { test } from "node:test";
import { kvTokensThatFit } from "../../../simulator/replica/hardware.ts";
import {
  type PresetName,
  presetConfig,
  presetFloors,
  presetHardware,
  presetNames,
} from "../../../simulator/replica/presets.ts";

/** Floors as published: c0 ms where given, cK and cP µs a token (simulator 1.4). */
const published: Readonly<Record<PresetName, readonly [c0: number | undefined, cK: number, cP: number]>> = {
  "llama-3-8b-h100": [undefined, 0.039, 16.2],
  "llama-3-8b-a100": [undefined, 0.064, 51.5],
  "llama-3-8b-l4": [53.5, 0.44, 133],
  "qwen2.5-7b-a10g": [25.4, 0.096, 218],
  "llama-3-70b-h100-tp4": [undefined, 0.0245, 35.7],
  "llama-3-70b-h100-tp8": [undefined, 0.012, 17.8],
  "llama-3-70b-a100-tp4": [undefined, 0.04, 113],
  "qwen3-32b-h100-tp2": [undefined, 0.039, 33],
};

const isNear = (got: number, want: number, share: number) => Math.abs(got - want) <= share * want;

for (const name of presetNames) {
  test(`${name} is no faster than its GPU allows, and not by far slower`, () => {
    const { coefficients } = presetConfig(name);
    for (const [key, floor] of Object.entries(presetFloors(name)) as [keyof typeof coefficients, number][]) {
      assert.ok(coefficients[key] >= floor, `${key} ${coefficients[key]}, floor ${floor}`);
      if (floor > 0) assert.ok(coefficients[key] <= 3 * floor, `${key} ${coefficients[key]}, floor ${floor}`);
    }
  });

  test(`the floors of ${name} are the published ones`, () => {
    const floors = presetFloors(name);
    const [c0, cK, cP] = published[name];
    if (c0 !== undefined) assert.ok(isNear(floors.baseMs, c0, 0.01), `c0 ${floors.baseMs}`);
    assert.ok(isNear(floors.perContextTokenUs, cK, 0.025), `cK ${floors.perContextTokenUs}`);
    assert.ok(isNear(floors.perPrefillTokenUs, cP, 0.01), `cP ${floors.perPrefillTokenUs}`);
  });

  test(`the KV cache of ${name} fits beside the weights`, () => {
    const { kvTokens } = presetConfig(name);
    const fitting = kvTokensThatFit(presetHardware(name));
    // Qwen3-32B is what llm-d reports; on the A10G captured graphs take their part.
    const least = name === "qwen2.5-7b-a10g" ? 0.8 : 0.94;
    assert.ok(kvTokens <= fitting && kvTokens >= least * fitting, `${kvTokens} tokens, ${fitting} fit`);
  });
}

test("overrides replace fields of a preset, coefficients too", () => {
  const { coefficients } = presetConfig("llama-3-8b-h100");
  const config = presetConfig("llama-3-8b-h100", { coefficients: { ...coefficients, baseMs: 9 }, kvTokens: 100_000 });
  assert.deepEqual([config.coefficients.baseMs, config.coefficients.perRequestUs, config.kvTokens], [9, 5, 100_000]);
});
