import { parseJson } from "../../src/lib/json-text.ts";
import type { RowProblems } from "./row-problems.ts";

/** An object of a JSON file, its fields not looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for what is neither a list nor a single value. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Calls `take` with the object of every line and the line's number from 1. Blank lines are passed over; a line that is no
 * JSON object is told to `problems`, the last one, when it has no line feed, as cut off.
 */
export function forEachJsonLine(
  text: string,
  problems: RowProblems,
  take: (object: JsonObject, line: number) => void,
): void {
  forEachLine(text, (content, line, isComplete) => {
    if (content.trim() === "") return;
    const value = parseJson(content);
    if (isJsonObject(value)) take(value, line);
    else
      problems.atLine(line, isComplete ? "text that is no JSON object" : "a row cut off", "a JSON object on one line");
  });
}

/** Calls `take` with every line, without its line feed and carriage return, and its number from 1. */
export function forEachLine(text: string, take: (content: string, line: number, isComplete: boolean) => void): void {
  let line = 0;
  for (let from = 0; from < text.length; ) {
    const feed = text.indexOf("\n", from);
    const end = feed === -1 ? text.length : feed;
    const hasReturn = end > from && text.charCodeAt(end - 1) === 13;
    take(text.slice(from, hasReturn ? end - 1 : end), ++line, feed !== -1);
    from = end + 1;
  }
}
