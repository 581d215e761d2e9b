import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { parseJson } from "../../src/lib/json-text.ts";
import { lineSchema, type RecordingHeader, type RecordingLine, schemaVersion } from "../../src/recording/line.ts";

/** A line that cannot be used: skipped, and counted. */
export interface BadLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

/** What became of the lines of a recording that was read. */
export interface ReadReport {
  lines: number;
  /** Lines that cannot be used; the first 20 are named in `bad`. */
  skipped: number;
  readonly bad: BadLine[];
  /** Lines that the recorder had to drop. */
  dropped: number;
  /** It begins with a later file: what came before is not known. */
  beginsLate: boolean;
  /** The recorder was ended in order. */
  isComplete: boolean;
}

/** A recording that is about to be read. */
export interface OpenedRecording {
  readonly header: RecordingHeader;
  readonly files: readonly string[];
  readonly report: ReadReport;
  /** Every line but headers, in order; to be run through once. `report` is complete afterwards. */
  lines(): Generator<RecordingLine>;
}

const maxBadNamed = 20;
const suffix = ".ndjson";
/** Longer lines are not ours. */
const maxLineLength = 4_194_304;

/**
 * Opens a recording: a file, or a folder that holds the files of one. Throws an error of one line when there is none, when it is
 * something else or of another version, and when the folder holds several.
 */
export function openRecording(path: string): OpenedRecording {
  const files = findFiles(path);
  const headers = files.map((file) => readHeader(file));
  const found = headers.map((header, i) => ({ header, file: files[i] as string }));
  const names = [...new Set(headers.map(({ recording }) => recording))];
  if (names.length > 1) {
    refuse(
      path,
      `${names.length} recordings: ${names.join(", ")}`,
      "the files of one recording; name one of its files",
    );
  }
  const ordered = found.toSorted((a, b) => a.header.file - b.header.file);
  const first = ordered[0]?.header as RecordingHeader;
  const report: ReadReport = {
    lines: 0,
    skipped: 0,
    bad: [],
    dropped: 0,
    beginsLate: first.file > 1,
    isComplete: false,
  };
  const inOrder = ordered.map(({ file }) => file);
  return { header: first, files: inOrder, report, lines: () => readLines(inOrder, report) };
}

function refuse(path: string, what: string, expected: string, cause?: unknown): never {
  throw new Error(`Cannot read recording "${path}": found ${what}, expected ${expected}`, { cause });
}

/** A file that is named stands for all files of its recording in its folder. */
function findFiles(path: string): string[] {
  const expected = "a folder or a file that epp serve --record has written";
  let isFolder = false;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    refuse(path, (error as Error).message, expected, error);
  }
  if (!isFolder) return [path];
  const names = readdirSync(path)
    .filter((name) => name.endsWith(suffix))
    .toSorted();
  if (names.length === 0) refuse(path, `no file *${suffix}`, expected);
  return names.map((name) => join(path, name));
}

function readHeader(file: string): RecordingHeader {
  const expected = `a header of schema version ${schemaVersion} in its first line`;
  const { value: text = "" } = textLines(file).next() as { value?: string };
  const value = parseJson(text);
  if (value === undefined) refuse(file, `"${text.slice(0, 40)}"`, expected);
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === "number" && version !== schemaVersion) refuse(file, `schema version ${version}`, expected);
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success || parsed.data.kind !== "header") refuse(file, `"${text.slice(0, 40)}"`, expected);
  return parsed.data;
}

const chunkBytes = 262_144;

/** Lines of a file, piece by piece, so that it need not fit a string. A line longer than any of ours comes in parts. */
function* textLines(file: string): Generator<string, void> {
  const handle = openSync(file, "r");
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (let length = readSync(handle, chunk); length > 0; length = readSync(handle, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, length))).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (rest.length <= maxLineLength) continue;
      yield rest;
      rest = "";
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(handle);
  }
}

function* readLines(files: readonly string[], report: ReadReport): Generator<RecordingLine> {
  for (const [place, file] of files.entries()) {
    let number = 0;
    for (const text of textLines(file)) {
      number++;
      if (text === "") continue;
      report.lines++;
      const line = readLine(text, { file, line: number }, report);
      // What a later file says again, the first ones have said.
      if (line === undefined || line.kind === "header" || (place > 0 && "repeated" in line)) continue;
      if (line.kind === "dropped") report.dropped += line.lines;
      report.isComplete = line.kind === "end";
      yield line;
    }
  }
}

function readLine(text: string, at: Omit<BadLine, "problem">, report: ReadReport): RecordingLine | undefined {
  const value = text.length > maxLineLength ? undefined : parseJson(text);
  const parsed = value === undefined ? undefined : lineSchema.safeParse(value);
  if (parsed?.success === true) return parsed.data;
  report.skipped++;
  if (report.bad.length < maxBadNamed) report.bad.push({ ...at, problem: problemOf(text, value, parsed?.error) });
  return undefined;
}

function problemOf(
  text: string,
  value: unknown,
  error: { issues: readonly { path: PropertyKey[]; message: string }[] } | undefined,
): string {
  if (value === undefined) return `found no JSON ("${text.slice(0, 24)}..."), expected one object`;
  const issue = error?.issues[0];
  return `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a line of a recording"}`;
}
