import assert from "node:assert/strict";
import { test } from "node:test";
import { departures } from "./departures.ts";
import { type RecordedRequest, readRecordedCases } from "./recording.ts";
import { replay } from "./replay.ts";

const cases = readRecordedCases();

for (const recorded of cases) {
  const departure = departures.find(({ id }) => id === recorded.id);
  const outcome = departure === undefined ? "equals the recording" : `departs (${departure.tag})`;
  test(`parity ${recorded.id} ${outcome}${recorded.note && `: ${recorded.note}`}`, () => {
    const differences = replay(recorded);
    if (departure === undefined) assert.deepEqual(differences, []);
    else assert.notDeepEqual(differences, [], "no longer departs: remove it from the table");
  });
}

test("corrections change no score while pages are fresh and no request is open", () => {
  let compared = 0;
  for (const recorded of cases) {
    if (recorded.steps.some((step) => step.op === "request" && step.hold === true)) continue;
    assert.deepEqual(replay(recorded, { corrections: true }), replay(recorded), recorded.id);
    compared++;
  }
  assert.equal(compared, 107);
});

test("the recording is whole", () => {
  assert.equal(new Set(cases.map(({ id }) => id)).size, 121);
  assert.equal(cases.flatMap(({ steps }) => steps).filter(({ op }) => op === "request").length, 445);
});

const alterations: [what: string, alter: (request: RecordedRequest) => Partial<RecordedRequest>][] = [
  ["a score by 1e-8", ({ scores }) => ({ scores: { ...scores, "pod-0": Number(scores?.["pod-0"]) + 1e-8 } })],
  ["a pod that was not scored", ({ scores }) => ({ scores: { ...scores, "pod-9": 0 } })],
  ["a pod that was scored", ({ scores }) => ({ scores: withoutFirst(scores) })],
  ["a destination below the greatest", () => ({ destination: "pod-3" })],
  ["a refusal", () => ({ error: "429 no" })],
];

for (const [what, alter] of alterations) {
  test(`a replay that differs by ${what} says so`, () => {
    const recorded = cases.find(({ id }) => id === "queue-011");
    assert.ok(recorded);
    const steps = recorded.steps
      .slice(0, 1)
      .map((step) => (step.op === "request" ? { ...step, ...alter(step) } : step));
    assert.equal(replay({ ...recorded, steps }).length, 1);
  });
}

function withoutFirst(scores: RecordedRequest["scores"] = {}): Record<string, number | "NaN"> {
  return Object.fromEntries(Object.entries(scores).slice(1));
}
