import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type { RecordingLine } from "../../../src/recording/line.ts";
import { openRecording } from "../../../simulator/recording/read-recording.ts";
import { aHeader } from "../../support/a-recorded-picker.ts";

const header = (more: object = {}): string => JSON.stringify({ ...aHeader, ...more });
const look = (atMs: number): string => JSON.stringify({ kind: "look", atMs });
const end = JSON.stringify({ kind: "end", atMs: 9 });

function aRecording(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-read-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function readAll(path: string) {
  const recording = openRecording(path);
  const lines: RecordingLine[] = [];
  for (const line of recording.lines()) lines.push(line);
  return { lines, report: recording.report };
}

test("files of one recording are read in their order, what later ones repeat is left out", (t) => {
  const repeated = JSON.stringify({ kind: "pool", atMs: 2, endpoints: [], repeated: true });
  const folder = aRecording(t, {
    "b.ndjson": `${header()}\n${look(1)}\n`,
    "a.ndjson": `${header({ file: 2 })}\n${repeated}\n${look(2)}\n${end}\n`,
  });
  const { lines, report } = readAll(folder);
  assert.deepEqual(
    lines.map((line) => ("atMs" in line ? line.atMs : line.kind)),
    [1, 2, 9],
  );
  assert.deepEqual([report.skipped, report.beginsLate, report.isComplete], [0, false, true]);
});

test("a recording whose first files are gone begins with what the next one repeats", (t) => {
  const repeated = JSON.stringify({ kind: "pool", atMs: 2, endpoints: [], repeated: true });
  const folder = aRecording(t, { "a.ndjson": `${header({ file: 3 })}\n${repeated}\n${look(2)}\n` });
  const { lines, report } = readAll(folder);
  assert.equal(lines.length, 2);
  assert.deepEqual([report.beginsLate, report.isComplete], [true, false]);
});

test("a recording that was cut in a line is read up to there, and the line is named", (t) => {
  const folder = aRecording(t, { "a.ndjson": `${header()}\n${look(1)}\n${look(2).slice(0, 9)}` });
  const { lines, report } = readAll(folder);
  assert.equal(lines.length, 1);
  assert.deepEqual(
    report.bad.map(({ line, problem }) => [line, problem]),
    [[3, 'found no JSON ("{"kind":"..."), expected one object']],
  );
});

test("a line of another kind is skipped, counted and named; nothing else is lost", (t) => {
  const folder = aRecording(t, {
    "a.ndjson": `${header()}\n${look(1)}\n{"kind":"look","atMs":"soon"}\n{"kind":"party"}\n\n${look(4)}\n`,
  });
  const { lines, report } = readAll(folder);
  assert.equal(lines.length, 2);
  assert.equal(report.skipped, 2);
  assert.match(report.bad[0]?.problem ?? "", /^atMs: /);
  assert.match(report.bad[1]?.problem ?? "", /^kind: /);
});

test("cut anywhere, a recording gives every whole line before the cut and at most one bad one", (t) => {
  const whole = [header(), ...Array.from({ length: 20 }, (_, i) => look(i + 0.25))].join("\n");
  const folder = aRecording(t, {});
  fc.assert(
    fc.property(fc.integer({ min: header().length + 1, max: whole.length }), (at) => {
      writeFileSync(join(folder, "a.ndjson"), whole.slice(0, at));
      const { lines, report } = readAll(folder);
      const complete = whole.slice(0, at).split("\n").length - 2;
      assert.ok(lines.length >= complete && lines.length + report.skipped <= complete + 1);
    }),
    { numRuns: 60 },
  );
});

for (const [what, files, found] of [
  ["an empty folder", {}, /found no file \*\.ndjson/],
  ["an empty file", { "a.ndjson": "" }, /found "", expected a header of schema version 1 in its first line/],
  ["a trace", { "a.ndjson": '{"timestamp": 0, "input_length": 5}\n' }, /expected a header of schema version 1/],
  ["text", { "a.ndjson": "TIMESTAMP,ContextTokens\n" }, /found "TIMESTAMP,ContextTokens"/],
  ["a later version", { "a.ndjson": `${header({ schemaVersion: 7 })}\n` }, /found schema version 7/],
  [
    "two recordings",
    { "a.ndjson": `${header()}\n`, "b.ndjson": `${header({ recording: "other" })}\n` },
    /found 2 recordings: test, other/,
  ],
] as const) {
  test(`${what}: one line says what was found and expected`, (t) => {
    const folder = aRecording(t, files);
    assert.throws(
      () => openRecording(folder),
      (error: Error) => {
        assert.match(error.message, found);
        assert.ok(!error.message.includes("\n"));
        return true;
      },
    );
    assert.equal(readdirSync(folder).length, Object.keys(files).length);
  });
}

test("a path that is not there is said in one line", () => {
  assert.throws(
    () => openRecording("/nowhere/at/all"),
    /^Error: Cannot read recording "\/nowhere\/at\/all": found ENOENT/,
  );
});
