import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../src/lib/clock.ts";
import { defaultRecordingLimits, RecordingFiles, type RecordingLimits } from "../../src/recording/recording-files.ts";

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "epp-recording-"));
  t.after(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function openFiles(folder: string, limits: Partial<RecordingLimits> = {}, failures: Error[] = []) {
  return RecordingFiles.open({
    folder,
    recording: "r",
    limits: { ...defaultRecordingLimits, ...limits },
    clock: systemClock,
    begin: (file) => [`{"file":${file}}`],
    failed: (error) => failures.push(error),
  });
}

const linesOf = (folder: string): string[] =>
  readdirSync(folder)
    .toSorted()
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1));

test("what was written is there after close, in order, readable by the owner alone", async (t) => {
  const folder = join(aFolder(t), "made", "here");
  const files = await openFiles(folder);
  for (let i = 0; i < 1000; i++) files.write(`{"i":${i}}`);
  await files.close();
  const [name = ""] = readdirSync(folder);
  assert.equal(name, "r-00001.ndjson");
  assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(linesOf(folder), ['{"file":1}', ...Array.from({ length: 1000 }, (_, i) => `{"i":${i}}`)]);
  assert.deepEqual([files.state.lines, files.state.droppedLines], [1000, 0]);
});

test("a file that has reached its size is followed by another, and the oldest go beyond the total", async (t) => {
  const folder = aFolder(t);
  const files = await openFiles(folder, { fileBytes: 1000, totalBytes: 3000 });
  for (let i = 0; i < 200; i++) {
    files.write(`{"i":${String(i).padStart(90, "0")}}`);
    if (i % 10 === 9) await flushed(files, i + 1);
  }
  await files.close();
  const names = readdirSync(folder).toSorted();
  assert.ok(!names.includes("r-00001.ndjson"));
  const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  assert.ok(bytes <= 3000 + 1100, `${bytes} bytes`);
  const last = linesOf(folder).filter((line) => !line.startsWith('{"file"'));
  assert.equal(last.at(-1), `{"i":${"199".padStart(90, "0")}}`);
  for (const name of names) assert.match(readFileSync(join(folder, name), "utf8"), /^\{"file":\d+\}\n/);
});

test("lines beyond what may wait for the disk are dropped, counted and told", async (t) => {
  const folder = aFolder(t);
  const files = await openFiles(folder, { waitingBytes: 100 });
  for (let i = 0; i < 50; i++) files.write(`{"i":${i}}`);
  while (files.state.lines === 0) await tick();
  files.write(`{"last":true}`);
  await files.close();
  const lines = linesOf(folder);
  const { droppedLines } = files.state;
  assert.ok(droppedLines > 30);
  assert.deepEqual(lines.slice(-2), [`{"kind":"dropped","lines":${droppedLines}}`, `{"last":true}`]);
  assert.equal(lines.length, 50 - droppedLines + 3);
});

test("a recording that ends says how many lines it lacks", async (t) => {
  const folder = aFolder(t);
  const files = await openFiles(folder, { waitingBytes: 20 });
  for (let i = 0; i < 5; i++) files.write(`{"i":${i}}`);
  await files.close();
  assert.equal(linesOf(folder).at(-1), `{"kind":"dropped","lines":${files.state.droppedLines}}`);
});

test("a folder that cannot be made is said in one line", async (t) => {
  const folder = aFolder(t);
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(openFiles(join(folder, "file", "below")), {
    message: /^Cannot record to ".*": ENOTDIR.*, expected a folder to write to$/,
  });
});

test("a folder that goes away is reported once a second at most, and costs lines, not the process", async (t) => {
  const folder = join(aFolder(t), "gone");
  const failures: Error[] = [];
  const files = await openFiles(folder, { fileBytes: 100 }, failures);
  rmSync(folder, { recursive: true });
  for (let i = 0; i < 20; i++) {
    files.write(`{"i":${String(i).padStart(90, "0")}}`);
    await flushed(files, i + 1);
  }
  await files.close();
  assert.ok(failures.length >= 1 && failures.length <= 3, `${failures.length} reports`);
  assert.match(failures[0]?.message ?? "", /ENOENT/);
  assert.ok(files.state.droppedLines > 0);
});

/** Resolves when `lines` lines were written or dropped. */
async function flushed(files: RecordingFiles, lines: number): Promise<void> {
  while (files.state.lines + files.state.droppedLines < lines) await tick();
}

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
