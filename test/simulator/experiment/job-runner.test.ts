import assert from "node:assert/strict";
import { test } from "node:test";
import { createJobRunner } from "../../../simulator/experiment/job-runner.ts";
import { openLoad } from "../../../simulator/experiment/open-load.ts";
import { type ExperimentPlan, planJobs } from "../../../simulator/experiment/plan.ts";
import { aPlan } from "../../support/an-experiment.ts";

const plan: ExperimentPlan = aPlan({
  load: {
    kind: "scenario",
    source: "uniform",
    rawTimes: false,
    scaleBy: "time-warp",
    openLoop: false,
    limit: 40,
  },
  seeds: 3,
});
const jobs = planJobs(plan, []);

test("threads give what one thread gives, whether or not somebody follows their progress", {
  timeout: 120_000,
}, async (t) => {
  const load = await openLoad(plan.load, plan.firstSeed);
  const alone = await createJobRunner(plan, 1, load).run(jobs);
  const threads = createJobRunner(plan, 2, load);
  t.after(() => threads.close());
  const followed: number[] = [];
  assert.deepEqual(await threads.run(jobs, (done) => followed.push(done)), alone);
  assert.deepEqual(followed, [1, 2, 3]);
  assert.deepEqual(await threads.run(jobs), alone);
});
