import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
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
  lines(): AsyncGenerator<RecordingLine>;
}

const maxBadNamed = 20;
const suffix = ".ndjson";
/** Longer lines are not ours. */
const maxLineLength = 4_194_304;

/**
 * Opens a recording: a file, or a folder that holds the files of one. Rejects with one line when there is none, when it is
 * something else or of another version, and when the folder holds several.
 */
export async function openRecording(path: string): Promise<OpenedRecording> {
  const files = await findFiles(path);
  const headers = await Promise.all(files.map((file) => readHeader(file)));
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
async function findFiles(path: string): Promise<string[]> {
  const expected = "a folder or a file that epp serve --record has written";
  let isFolder = false;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    refuse(path, (error as Error).message, expected, error);
  }
  if (!isFolder) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(suffix)).toSorted();
  if (names.length === 0) refuse(path, `no file *${suffix}`, expected);
  return names.map((name) => join(path, name));
}

async function readHeader(file: string): Promise<RecordingHeader> {
  const expected = `a header of schema version ${schemaVersion} in its first line`;
  const text = await firstLine(file);
  const value = parseJson(text);
  if (value === undefined) refuse(file, `"${text.slice(0, 40)}"`, expected);
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === "number" && version !== schemaVersion) refuse(file, `schema version ${version}`, expected);
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success || parsed.data.kind !== "header") refuse(file, `"${text.slice(0, 40)}"`, expected);
  return parsed.data;
}

async function firstLine(file: string): Promise<string> {
  const input = createReadStream(file, { end: 65_535 });
  for await (const line of createInterface({ input })) return line;
  return "";
}

async function* readLines(files: readonly string[], report: ReadReport): AsyncGenerator<RecordingLine> {
  for (const [place, file] of files.entries()) {
    let number = 0;
    for await (const text of createInterface({ input: createReadStream(file) })) {
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

/** undefined when it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
