import assert from "node:assert/strict";
import { test } from "node:test";
import { killPickers } from "../../bench/soak/kill-picker.ts";
import { killServers } from "../../bench/soak/kill-server.ts";
import { rollingRestarts } from "../../bench/soak/rolling.ts";
import { envoyPath, skipWithoutEnvoy } from "../support/envoy.ts";

test("F40 rolling SIGTERM restarts of two pickers behind Envoy fail no request", {
  skip: skipWithoutEnvoy,
}, async () => {
  const { requests, failed, exitCodes } = await rollingRestarts({ envoyBinary: envoyPath, restarts: 3, perSecond: 50 });
  assert.deepEqual(failed, []);
  assert.deepEqual(exitCodes, [0, 0, 0]);
  assert.ok(requests > 0);
});

test("F43 SIGKILL of one of two pickers fails only requests that were open", { skip: skipWithoutEnvoy }, async (t) => {
  const { kills, others } = await killPickers({ envoyBinary: envoyPath, kills: 1, perSecond: 50 });
  t.diagnostic(`failed by the kills: ${kills.map(({ open, failed }) => `${failed} of ${open}`).join(", ")}`);
  assert.deepEqual(others, []);
});

test("kill -9 of a model server fails only requests in flight there or picked within 2 s", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const { kills, others } = await killServers({ envoyBinary: envoyPath, kills: 1, perSecond: 50 });
  for (const { inFlight, picked } of kills)
    t.diagnostic(`failed: ${inFlight} in flight there, ${picked} picked within 2 s`);
  assert.deepEqual(others, []);
});
