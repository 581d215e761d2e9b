import { parse } from "csv-parse/sync";
import { forEachLine } from "./json-lines.ts";
import type { RowProblems } from "./row-problems.ts";

/** Told of each row below the header: its fields in the order of the columns, and its line from 1. */
export type TakeRow = (fields: readonly string[], line: number) => void;

/** Names of the columns in lower case, from the first line of a CSV text that is not blank. */
export function csvColumns(text: string): string[] {
  const [header = ""] = /\S[^\r\n]*/.exec(text) ?? [];
  return header.split(",").map((name) => name.trim().replaceAll(/^"|"$/g, "").toLowerCase());
}

/**
 * Calls `take` with every row below the header of a CSV text; rows with more or fewer fields than columns are told to
 * `problems`, the last one, when it has no line feed, as cut off. Blank lines are passed over.
 */
export function forEachCsvRow(text: string, problems: RowProblems, take: TakeRow): void {
  const columns = csvColumns(text).length;
  const check = (fields: readonly string[], line: number, isComplete: boolean): void => {
    if (fields.length === columns) take(fields, line);
    else {
      const found = isComplete || fields.length > columns ? `${fields.length} fields` : "a row cut off";
      problems.atLine(line, found, `${columns} fields`);
    }
  };
  // Without quotes a row is its line cut at the commas, which is many times faster than a parser; a quote that never closes
  // would make one field of the rest of the file.
  const rows = text.includes('"') ? parseQuoted(text) : undefined;
  if (rows === undefined) return cutLines(text, check);
  const isComplete = text.endsWith("\n");
  for (const [index, { record, info }] of rows.entries()) {
    check(record, info.lines, isComplete || index < rows.length - 1);
  }
}

function cutLines(text: string, take: (fields: readonly string[], line: number, isComplete: boolean) => void): void {
  let isHeader = true;
  forEachLine(text, (content, line, isComplete) => {
    if (content.trim() === "") return;
    if (!isHeader) take(content.split(","), line, isComplete);
    isHeader = false;
  });
}

interface QuotedRow {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

/** Rows of a text with quotes; undefined when they do not pair. */
function parseQuoted(text: string): QuotedRow[] | undefined {
  const format = { from: 2, info: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true };
  try {
    const rows: unknown = parse(text, format);
    return rows as QuotedRow[];
  } catch {
    return undefined;
  }
}
