import { readWhole } from "./azure.ts";
import { csvColumns, forEachCsvRow } from "./csv-rows.ts";
import { RequestTableBuilder } from "./request-table-builder.ts";
import { describeValue, type RowProblems } from "./row-problems.ts";
import {
  isTokenCount,
  isTraceTime,
  tokensExpected,
  type TraceFormat,
  type TraceReading,
  type TraceSource,
} from "./trace-format.ts";

const blockTokens = 16;

/**
 * BurstGPT's traces (HPMLL/BurstGPT): seconds, model, lengths, no prefixes; an answer of 0 tokens is a failed request. Of the third one
 * the turns of a session follow on each other: the time to think is what is left of the gap after the elapsed time.
 */
export const burstGptFormat: TraceFormat = {
  name: "burstgpt",
  description:
    "BurstGPT CSV: `Timestamp` (s), `Model`, `Request tokens`, `Response tokens`, `Total tokens`, `Log Type`; the third trace has `Session ID`, `Elapsed time` too",
  recognizes: ({ columns }) =>
    ["timestamp", "model", "request tokens", "response tokens"].every((name) => columns.includes(name)),
  read,
};

interface Turn {
  readonly request: number;
  readonly atSeconds: number;
  /** NaN: not known. */
  readonly elapsedSeconds: number;
}

function read({ text, problems, options }: TraceSource): TraceReading {
  const requests = new RequestTableBuilder(blockTokens, options.model);
  const columns = csvColumns(text);
  const columnNames = ["timestamp", "model", "request tokens", "response tokens", "session id", "elapsed time"];
  const places = columnNames.map((name) => columns.indexOf(name));
  const turns = new Map<string, Turn>();
  let failures = 0;
  forEachCsvRow(text, problems, (fields, line) => {
    const row = readRow(
      places.map((place) => fields[place] ?? ""),
      line,
      problems,
    );
    if (row === "failed") failures++;
    if (row === undefined || row === "failed") return;
    const { atSeconds, elapsedSeconds, session, ...request } = row;
    const before = session === "" ? undefined : turns.get(session);
    const times =
      before === undefined || options.openLoop ? { arrivalMs: atSeconds * 1000 } : follow(before, row, requests);
    const own = session === "" ? {} : { session };
    const index = requests.add({ ...request, ...own, ...times });
    if (session !== "") turns.set(session, { request: index, atSeconds, elapsedSeconds });
  });
  return { requests, failures, notes: [] };
}

/** With the elapsed time the turn is due a known time after the answer before; without, at its own time but not before that answer. */
function follow(
  { request, atSeconds, elapsedSeconds }: Turn,
  row: Row,
  requests: RequestTableBuilder,
): { readonly arrivalMs: number; readonly after: number; readonly delayMs: number } {
  if (Number.isNaN(elapsedSeconds)) return { arrivalMs: row.atSeconds * 1000, after: request, delayMs: 0 };
  const delayMs = Math.max(0, row.atSeconds - atSeconds - elapsedSeconds) * 1000;
  return { arrivalMs: (requests.arrivalsMs[request] as number) + delayMs, after: request, delayMs };
}

interface Row {
  readonly atSeconds: number;
  readonly model: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly session: string;
  readonly elapsedSeconds: number;
}

function readRow(fields: readonly string[], line: number, problems: RowProblems): Row | "failed" | undefined {
  const [timeText = "", model = "", requestText = "", responseText = "", session = "", elapsedText = ""] = fields;
  const atSeconds = readSeconds(timeText);
  const [promptTokens, outputTokens] = [readWhole(requestText), readWhole(responseText)];
  const refuse = (name: string, value: string, expected: string): undefined => {
    problems.atLine(line, `${name} ${describeValue(value)}`, expected);
    return undefined;
  };
  if (!(atSeconds >= 0)) return refuse("Timestamp", timeText, "a number of seconds from 0");
  if (outputTokens === 0) return "failed";
  if (!isTokenCount(promptTokens)) return refuse("Request tokens", requestText, tokensExpected);
  if (!isTokenCount(outputTokens)) return refuse("Response tokens", responseText, tokensExpected);
  const elapsed = readSeconds(elapsedText);
  return { atSeconds, model, promptTokens, outputTokens, session, elapsedSeconds: elapsed >= 0 ? elapsed : Number.NaN };
}

/** Seconds; NaN for anything else. */
function readSeconds(text: string): number {
  const isNumber = /^\s*\d+(?:\.\d*)?(?:e[+-]?\d+)?\s*$/i.test(text);
  return isNumber && isTraceTime(Number(text) * 1000) ? Number(text) : Number.NaN;
}
