import type { RequestTableBuilder } from "./request-table-builder.ts";
import type { RowProblems } from "./row-problems.ts";

/** The beginning of a file, by which its format is known. */
export interface TraceHead {
  /** Up to 64 KiB from the first character that is no blank. */
  readonly text: string;
  /** Names of the columns, in lower case, when the first line is a list of names. */
  readonly columns: readonly string[];
  /** The first of the leading ten lines that is a JSON object. */
  readonly object: Readonly<Record<string, unknown>> | undefined;
}

/** A file to be read. */
export interface TraceSource {
  /** The whole text, without byte order mark. */
  readonly text: string;
  readonly problems: RowProblems;
  readonly options: ReadingOptions;
}

/** What decides how rows become requests. */
export interface ReadingOptions {
  /** Name of the model where the file names none. */
  readonly model: string;
  /** Turns of a session arrive at the times of the file, whatever became of the turn before. */
  readonly openLoop: boolean;
}

/** What a file holds. */
export interface TraceReading {
  readonly requests: RequestTableBuilder;
  /** Requests of the file that got no answer; they are not among `requests`. */
  readonly failures: number;
  /** What a user should know of this file, each a sentence. */
  readonly notes: readonly string[];
}

/** One kind of file with requests. */
export interface TraceFormat {
  readonly name: string;
  /** What such a file looks like, in one line, for errors and documents. */
  readonly description: string;
  /** Whether a file that begins so is of this format; decides by content alone. */
  recognizes(head: TraceHead): boolean;
  /** Reads a file of this format. A row that cannot be used is told to `problems`; no row is left out otherwise. */
  read(source: TraceSource): TraceReading;
}

/** Most tokens that one prompt or answer can have in a trace. */
export const maxTraceTokens = 100_000_000;

/** What is expected of a number of tokens, for problems. */
export const tokensExpected = `a whole number from 1 to ${maxTraceTokens}`;

/** Farthest from 0 that a time in a trace can be, 31,000 years: sums of millions of them are finite. */
const maxTraceMs = 1e15;

/** Whether `ms` is a time, or a time between two, that a trace can have; below 0 it is before whatever it counts from. */
export function isTraceTime(ms: unknown): ms is number {
  return typeof ms === "number" && Math.abs(ms) <= maxTraceMs;
}

/** Whether `value` is a number of tokens that a request can have. */
export function isTokenCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= maxTraceTokens;
}
