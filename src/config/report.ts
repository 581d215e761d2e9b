import { checkValue, type DocumentPath, type Problem, type SourceDocument, valueAt } from "../lib/document.ts";
import type { z } from "../lib/schema.ts";

/** An entry of a list in the document. */
export interface Entry<T> {
  readonly path: DocumentPath;
  readonly value: T;
}

/** Collects everything that is wrong with, or worth saying about, one config. */
export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly document: SourceDocument;

  constructor(document: SourceDocument) {
    this.document = document;
    this.problems.push(...document.problems);
  }

  problem(path: DocumentPath, message: string, place?: "value" | "key"): void {
    this.problems.push(this.document.problem(path, message, place));
  }

  warn(path: DocumentPath, message: string, place?: "value" | "key"): void {
    this.warnings.push(this.document.problem(path, message, place));
  }

  /** Decodes the value at `path`; every problem is collected, and undefined returned then. */
  check<T>(schema: z.ZodType<T>, path: DocumentPath, absent?: unknown): T | undefined {
    const checked = checkValue(this.document, schema, path, absent);
    if (checked.kind === "ok") return checked.value;
    this.problems.push(...checked.problems);
    return undefined;
  }

  /** The value at `path` if `schema` takes it, else undefined: the rest of the file is still checked around what is broken. */
  peek<T>(schema: z.ZodType<T>, path: DocumentPath): T | undefined {
    return schema.safeParse(valueAt(this.document.raw, path)).data;
  }

  /** Entries of the list at `path` that `schema` takes. */
  entries<T>(schema: z.ZodType<T>, path: DocumentPath): Entry<T>[] {
    const list = valueAt(this.document.raw, path);
    if (!Array.isArray(list)) return [];
    return list.flatMap((_, index) => {
      const value = this.peek(schema, [...path, index]);
      return value === undefined ? [] : [{ path: [...path, index], value }];
    });
  }
}
