import { InvalidArgumentError } from "commander";
import { parseDurationMs } from "../lib/duration.ts";

/** `--flag`, `--flag=true`, `--flag=false` as Go's flags take them. */
export function booleanValue(text: string): boolean {
  if (["true", "t", "1"].includes(text.toLowerCase())) return true;
  if (["false", "f", "0"].includes(text.toLowerCase())) return false;
  throw new InvalidArgumentError("expected true or false.");
}

/** A port; 0 takes a free one. */
export function portValue(text: string): number {
  return boundedInteger(text, 0, 65535);
}

/** A whole number of at least 1. */
export function positiveInteger(text: string): number {
  return boundedInteger(text, 1, Number.MAX_SAFE_INTEGER);
}

/** A whole number, also a negative one. */
export function integerValue(text: string): number {
  return boundedInteger(text, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** A verbosity level; `-v=2`, as Go's flags take it, arrives here as `=2`. */
export function verbosityValue(text: string): number {
  return boundedInteger(text.replace(/^=/, ""), 0, 10);
}

/** A duration in Go's notation, as milliseconds. */
export function durationValue(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("expected a duration such as 50ms, 2s or 1m30s.");
  return ms;
}

function boundedInteger(text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new InvalidArgumentError(`expected a whole number ${range}.`);
}
