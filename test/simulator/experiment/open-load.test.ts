import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOf, openLoad } from "../../../simulator/experiment/open-load.ts";
import type { LoadSpec } from "../../../simulator/experiment/plan.ts";
import { gateRecording } from "../../../simulator/gate/gate-recording.ts";
import { collectRun } from "../../../simulator/recording/recorded-run.ts";
import { inMemory } from "../../support/a-recorded-picker.ts";
import { aRecordedRun } from "../../support/a-recorded-run.ts";
import { aPlan } from "../../support/an-experiment.ts";

/** Nobody can read this again. */
const load: LoadSpec = {
  kind: "recording",
  source: "/nowhere/at/all",
  rawTimes: false,
  scaleBy: "time-warp",
  openLoop: false,
};
const plan = aPlan({ load });
const run = collectRun(inMemory(aRecordedRun().trimEnd().split("\n")));

test("the gate and the load are given the recording that was read, and threads what the load holds", async () => {
  assert.equal((await gateRecording(plan, run)).passes, true);
  const opened = await openLoad(load, 1, { kind: "recording", run });
  const { content } = opened;
  assert.ok(content !== undefined);
  const inThread = await loadOf(load, structuredClone(content));
  assert.equal(opened.requests(1, 1).count, 300);
  assert.deepEqual(inThread.requests(1, 2), opened.requests(1, 2));
});
