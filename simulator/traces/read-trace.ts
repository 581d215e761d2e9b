import { parseJson } from "../../src/lib/json-text.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { RequestTable } from "../engine/request-table.ts";
import { csvColumns } from "./csv-rows.ts";
import { forEachLine, isJsonObject } from "./json-lines.ts";
import { changeLoad, type LoadChange } from "./change-load.ts";
import { spreadQuantisedTimes } from "./quantised-times.ts";
import { formatRowProblem, type RowProblem, RowProblems } from "./row-problems.ts";
import { readTraceText } from "./trace-file.ts";
import type { ReadingOptions, TraceFormat, TraceHead } from "./trace-format.ts";
import { traceFormats } from "./trace-formats.ts";

/** How a trace is read. */
export interface TraceOptions extends Partial<ReadingOptions>, LoadChange {
  /** Chance of spread times and of thinning; default 1. */
  readonly seed?: number;
  /** Leaves rounded times as they are; default false. */
  readonly rawTimes?: boolean;
}

/** A trace as a load. */
export interface LoadedTrace {
  readonly file: string;
  /** Name of the format. */
  readonly format: string;
  readonly requests: RequestTable;
  /** Rows that could not be used. */
  readonly skipped: number;
  /** The first twenty of them. */
  readonly problems: readonly RowProblem[];
  /** Requests of the file that had failed; they are not among `requests`. */
  readonly failures: number;
  /** What a user should know of how the file was read, each a sentence. */
  readonly notes: readonly string[];
}

const headLength = 65_536;

/**
 * Reads a file with requests, gzipped or not, whose format its content tells. The first request arrives at 0. Throws an error that
 * names the file, what was found and what was expected: for a file that cannot be read, is empty or of no known
 * format, or has no row that can be used, and RangeError for an option out of range.
 */
export function readTrace(path: string, options: TraceOptions = {}): LoadedTrace {
  const { text, isCut } = readTraceText(path);
  const trace = parseTrace(path, text, options);
  if (!isCut) return trace;
  return { ...trace, notes: [...trace.notes, "The gzip file was cut off; what it had before that was read."] };
}

/** Reads the text of a file; see `readTrace`. */
export function parseTrace(file: string, text: string, options: TraceOptions = {}): LoadedTrace {
  const { seed = 1, rawTimes = false, model = "model", openLoop = false } = options;
  const format = detectFormat(file, text);
  const problems = new RowProblems(file);
  const { requests, failures, notes } = format.read({ text, problems, options: { model, openLoop } });
  if (requests.count === 0) throw unusable(file, format, problems, failures);
  startAtZero(requests.arrivalsMs);
  const quantumMs = rawTimes ? undefined : spreadQuantisedTimes(requests, createRandom(seed));
  const all = [...notes];
  if (quantumMs !== undefined) all.push(`Times are rounded to ${quantumMs} ms; requests were spread evenly over that.`);
  const loaded = changeLoad(requests.build(), { ...options, seed });
  return {
    file,
    format: format.name,
    requests: loaded,
    skipped: problems.count,
    problems: problems.examples,
    failures,
    notes: all,
  };
}

function detectFormat(file: string, text: string): TraceFormat {
  const head = readHead(text);
  const expected = `one of: ${traceFormats.map(({ description }) => `\n  ${description}`).join("")}`;
  if (head.text === "") throw new Error(`Cannot read trace "${file}": it is empty, expected ${expected}`);
  const format = traceFormats.find((one) => one.recognizes(head));
  if (format !== undefined) return format;
  throw new Error(`Cannot read trace "${file}": ${describeHead(head)}, expected ${expected}`);
}

function readHead(text: string): TraceHead {
  const start = text.slice(0, headLength).search(/\S/);
  const head = start === -1 ? "" : text.slice(start, start + headLength);
  const columns = /^[[{]/.test(head) ? [] : csvColumns(head);
  return { text: head, columns, object: firstObject(head) };
}

function firstObject(head: string): TraceHead["object"] {
  let found: TraceHead["object"];
  forEachLine(head, (content, line) => {
    if (found !== undefined || line > 10 || !content.trimStart().startsWith("{")) return;
    const value = parseJson(content);
    if (isJsonObject(value)) found = value;
  });
  return found;
}

/** Says what a file looks like in names alone: its values may be anything. */
function describeHead({ text, columns, object }: TraceHead): string {
  if (text.includes("\u0000") || text.includes("\ufffd")) return "binary data";
  if (object !== undefined) return `JSON objects with ${Object.keys(object).slice(0, 12).join(", ")}`;
  if (text.startsWith("[") || text.startsWith("{")) return "JSON of another kind";
  if (columns.length > 1 && columns.every((name) => /^[a-z_][\w .-]{0,40}$/.test(name))) {
    return `CSV with the columns ${columns.slice(0, 12).join(", ")}`;
  }
  return "text of another kind";
}

function unusable(file: string, { description }: TraceFormat, problems: RowProblems, failures: number): Error {
  const [first] = problems.examples;
  if (first !== undefined) return new Error(`${formatRowProblem(first)}; none of ${problems.count} rows can be used`);
  const found = failures > 0 ? `${failures} failed requests and no other` : "no rows";
  return new Error(`Cannot read trace "${file}": ${found}, expected ${description}`);
}

function startAtZero(arrivalsMs: Float64Array): void {
  let firstMs = Number.POSITIVE_INFINITY;
  for (const atMs of arrivalsMs) firstMs = Math.min(firstMs, atMs);
  for (const [request, atMs] of arrivalsMs.entries()) arrivalsMs[request] = atMs - firstMs;
}
