import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDocument } from "../../../simulator/experiment/document.ts";
import {
  formatPart,
  jobsOfShard,
  mergeParts,
  type PartFile,
  parsePart,
} from "../../../simulator/experiment/partial-result.ts";
import { planJobs } from "../../../simulator/experiment/plan.ts";
import { assembleResult } from "../../../simulator/experiment/result.ts";
import { type JobResult, runJob } from "../../../simulator/experiment/run-job.ts";
import { drawVariations } from "../../../simulator/experiment/variations.ts";
import { aGrid, aPlan, anExperiment, handMadeRun } from "../../support/an-experiment.ts";

const plan = aPlan({ cells: aGrid, draws: 2 });
const variations = drawVariations(plan.draws, plan.firstSeed);
const jobs = planJobs(plan, variations);

function partsOf(of: number): PartFile[] {
  return Array.from({ length: of }, (_, index) => {
    const results = jobsOfShard(jobs, { index, of }).map((job) => ({
      job,
      result: runJob(plan, jobs[job]!, handMadeRun) satisfies JobResult,
    }));
    const text = formatPart({
      kind: "epp-simulate-part",
      schemaVersion: 1,
      shard: { index, of },
      plan,
      variations,
      results,
    });
    const file = `part-${index}.json`;
    return { file, part: parsePart(text, file) };
  });
}

for (const of of [1, 2, 7, 200]) {
  test(`${of} parts in any order make the whole, to the byte`, () => {
    const merged = mergeParts(partsOf(of).toReversed(), jobs.length);
    assert.equal(
      formatDocument(assembleResult(plan, jobs, merged)),
      formatDocument(anExperiment({ cells: aGrid, draws: 2 })),
    );
  });
}

test("a missing part, one given twice and one of another plan are named", () => {
  const parts = partsOf(3);
  assert.throws(() => mergeParts(parts.slice(1), jobs.length), /^Error: Cannot merge: part 0 of 3 is missing$/);
  assert.throws(() => mergeParts([...parts, parts[1]!], jobs.length), /"part-1.json": part 1 once more/);
  const other = { file: "other.json", part: { ...parts[2]!.part, plan: aPlan() } };
  assert.throws(
    () => mergeParts([parts[0]!, parts[1]!, other], jobs.length),
    /"other.json": another plan than that of "part-0.json"/,
  );
  assert.throws(() => mergeParts([], 3), /no part/);
});

for (const [what, text] of [
  ["a cut file", formatPart({ ...partsOf(1)[0]!.part }).slice(0, 500)],
  ["a foreign document", '{"kind":"something"}'],
  ["no object", "[]"],
  ["nothing", ""],
  ["a later version", '{"kind":"epp-simulate-part","schemaVersion":2}'],
  ["a damaged part", '{"kind":"epp-simulate-part","schemaVersion":1}'],
] as const) {
  test(`${what} is refused by name`, () => {
    assert.throws(() => parsePart(text, "x.json"), /^Error: Cannot merge "x.json": .*, expected what --shard wrote$/);
  });
}
