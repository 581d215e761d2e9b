import assert from "node:assert/strict";
import { test } from "node:test";
import { findKnee, type RateOutcome } from "../../../simulator/experiment/knee.ts";

/** Attainment that falls from `light` to nothing around `knee`; 5 % of it are lost at the knee. */
function falling(knee: number, light = 1): (rateScale: number) => Promise<RateOutcome> {
  return async (rateScale) => ({
    attainment: rateScale <= knee ? light * (1 - 0.05 * (rateScale / knee) ** 8) : light * 0.9,
    requestsPerSecond: 10 * rateScale,
  });
}

for (const knee of [0.021, 0.3, 0.999, 1, 1.7, 40, 1000]) {
  test(`a knee at ${knee} is found from 1 within 2 %`, async () => {
    const found = await findKnee("default", 1, falling(knee));
    assert.ok(
      found.rateScale !== null && found.rateScale <= knee && found.rateScale * 1.02 >= knee,
      `${found.rateScale}`,
    );
    assert.equal(found.requestsPerSecond, 10 * found.rateScale);
  });
}

test("requests that miss their objectives even on an idle pool do not move the knee", async () => {
  const found = await findKnee("default", 1, falling(2, 0.8));
  assert.ok(found.rateScale !== null && found.rateScale <= 2 && found.rateScale * 1.02 >= 2);
  assert.equal(found.lightAttainment, 0.8);
});

test("no knee where nothing is ever good, and where everything always is", async () => {
  assert.equal((await findKnee("a", 1, async () => ({ attainment: 0, requestsPerSecond: 1 }))).rateScale, null);
  assert.equal((await findKnee("a", 1, async () => ({ attainment: 1, requestsPerSecond: 1 }))).rateScale, null);
});

test("a rate is asked for once", async () => {
  const asked: number[] = [];
  await findKnee("a", 1, (rateScale) => {
    asked.push(rateScale);
    return falling(0.37)(rateScale);
  });
  assert.equal(new Set(asked).size, asked.length);
  assert.ok(asked.length < 16, `${asked.length}`);
});
