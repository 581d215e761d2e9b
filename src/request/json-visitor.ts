import type { ByteTarget } from "./byte-sink.ts";

/** A JSON type with its article, as messages name it. */
export type JsonType = "an object" | "an array" | "a string" | "a number" | "a boolean" | "null";

/** Receives the text of one JSON string, unescaped, as UTF-8 and piece by piece. */
export interface StringTarget extends ByteTarget {
  /**
   * Called once after the last piece. `end`: offset in the document just behind the closing quote. `replaced`: an
   * escaped lone surrogate was read as U+FFFD.
   */
  end?(end: number, replaced: boolean): void;
}

/** What to do with the members of one object, in document order, duplicates included. */
export interface ObjectVisitor {
  /** Called with the unescaped key before its value; undefined skips the value. */
  member(key: string): ValueVisitor | undefined;
  end?(): void;
}

/** What to do with the elements of one array, in order. */
export interface ArrayVisitor {
  /** Called before each element; undefined skips it. */
  element(): ValueVisitor | undefined;
  end?(): void;
}

/**
 * What to do with one value: a method per type that is accepted. A value of another type is reported to `mismatch` and
 * skipped. Returning undefined for a container or a string skips its contents, which are checked all the same.
 */
export interface ValueVisitor {
  object?(): ObjectVisitor | undefined;
  array?(): ArrayVisitor | undefined;
  /** `start`: offset in the document of the opening quote. */
  string?(start: number): StringTarget | undefined;
  /** Exact for integers up to 2^53, else rounded; Infinity or NaN when out of a double's range. */
  number?(value: number): void;
  boolean?(value: boolean): void;
  null?(): void;
  mismatch?(found: JsonType, start: number): void;
  /** Gets the value's bytes as they stand in the document. Not within a value that has a `raw` target itself. */
  readonly raw?: ByteTarget;
}

/** Why a document is not acceptable JSON. Carries at most one byte of the document, and none from within a string. */
export interface JsonProblem {
  /** Offset in bytes, 0 first. */
  readonly position: number;
  readonly expected: string;
  readonly found: string;
}

/** The problem as a sentence part: `byte 1: expected "null", found "no"`. */
export function describeProblem(problem: JsonProblem): string {
  return `byte ${problem.position}: expected ${problem.expected}, found ${problem.found}`;
}

/** A byte for messages: printable ASCII in quotes, else in hexadecimal. */
export function describeByte(byte: number, before = ""): string {
  const isPrintable = byte > 0x20 && byte < 0x7f;
  return isPrintable
    ? JSON.stringify(before + String.fromCharCode(byte))
    : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}
