import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { departures, departureTags } from "./departures.ts";
import { readRecordedCases } from "./recording.ts";

test("every departure names a recorded case with its tag, once, in the order of the recording", () => {
  const cases = readRecordedCases();
  for (const { id, tag } of departures) {
    assert.ok(departureTags.includes(tag), tag);
    assert.ok(cases.find((recorded) => recorded.id === id)?.tags.includes(tag), `${id} has no tag ${tag}`);
  }
  const names: readonly string[] = departures.map(({ id }) => id);
  assert.deepEqual(
    cases.flatMap(({ id }) => (names.includes(id) ? [id] : [])),
    names,
  );
});

test("docs/plugins.md lists the departures", () => {
  const [, section = ""] = readFileSync("docs/plugins.md", "utf8").split("## Where scores differ from the reference\n");
  const rows = [...section.matchAll(/^\| `(.+?)` \| (.+?) \| (.+) \|$/gm)].map(([, id, tag, reason]) => ({
    id,
    tag,
    reason,
  }));
  assert.deepEqual(rows, departures);
});
