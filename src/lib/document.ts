import {
  type Document as YamlDocument,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLError,
} from "yaml";
import { type DocumentPath, describeIssue } from "./document-issue.ts";
import type { z } from "./schema.ts";

export type { DocumentPath } from "./document-issue.ts";

/** One thing that is wrong with a document. */
export interface Problem {
  /** Name of the file, as given. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** As `plugins[0].parameters.weight`; "" for the document itself. */
  readonly path: string;
  /** What was found and what is expected. */
  readonly message: string;
}

/** A YAML or JSON text that was read, whatever its content. */
export interface SourceDocument {
  /** The text as plain data; undefined when it is empty (nothing but space and comments) or unreadable. */
  readonly raw: unknown;
  readonly isEmpty: boolean;
  /** What is wrong with the text itself: syntax, duplicate keys, several documents. */
  readonly problems: readonly Problem[];
  /** Whether `raw` can be looked at although there are problems. */
  readonly isReadable: boolean;
  /** A problem placed at the value of `path`, or, when there is none, at the nearest value around it; `key`: at its key. */
  problem(path: DocumentPath, message: string, place?: "value" | "key"): Problem;
}

/** A document decoded by a schema, or everything that is wrong with it, in the order of the text. */
export type Decoded<T> =
  | { readonly kind: "ok"; readonly value: T; readonly document: SourceDocument }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[]; readonly document: SourceDocument };

/** Decodes a YAML or JSON text. An empty text is decoded as undefined, so the schema says whether it may be empty. */
export function decodeDocument<T>(
  text: string,
  { file, schema }: { readonly file: string; readonly schema: z.ZodType<T> },
): Decoded<T> {
  const document = readDocument(text, file);
  const problems = [...document.problems];
  if (document.isReadable) {
    const checked = checkValue(document, schema, []);
    if (checked.kind === "ok" && problems.length === 0) return { kind: "ok", value: checked.value, document };
    if (checked.kind === "invalid") problems.push(...checked.problems);
  }
  return { kind: "invalid", problems: inOrder(problems), document };
}

/** Decodes what lies at `path` of a document, or `absent` when nothing does; the problems have paths from the root. */
export function checkValue<T>(
  document: SourceDocument,
  schema: z.ZodType<T>,
  path: DocumentPath,
  absent?: unknown,
): { readonly kind: "ok"; readonly value: T } | { readonly kind: "invalid"; readonly problems: readonly Problem[] } {
  const value = valueAt(document.raw, path) ?? absent;
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: "ok", value: parsed.data };
  const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, schema, value));
  const problems = faults.map((fault) => document.problem([...path, ...fault.path], fault.message, fault.place));
  // A value of the wrong type may fail bounds that were meant for the right one: its first problem says it all.
  const seen = new Set<string>();
  const first = problems.filter((problem) => !seen.has(problem.path) && seen.add(problem.path));
  return { kind: "invalid", problems: first };
}

/** What lies at `path` of plain data; undefined when there is nothing. */
export function valueAt(raw: unknown, path: DocumentPath): unknown {
  let value = raw;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** One line a problem: `file:line:column path: message`. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ file, line, column, path, message }) => `${file}:${line}:${column}${path && ` ${path}`}: ${message}`)
    .join("\n");
}

/** The problems of a value that was not read from a text, on one line: `path: message; path: message`. */
export function formatPlainProblems(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
}

/** Sorted by place in the text. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** Plain data as a document: for values that came without a text. Its problems have paths, but file "" and line and column 1. */
export function plainDocument(raw: unknown): SourceDocument {
  return {
    raw,
    isEmpty: raw === undefined,
    problems: [],
    isReadable: true,
    problem: (path, message) => ({ file: "", line: 1, column: 1, path: formatPath(path), message }),
  };
}

/** Reads a YAML or JSON text; never throws. */
export function readDocument(text: string, file: string): SourceDocument {
  const { documents, place } = parse(text);
  const [first, second] = documents;
  const document = toSource(first, file, place);
  if (second === undefined) return document;
  const message = `found ${documents.length} documents, expected one`;
  const extra: Problem = { file, ...place(second.range?.[0] ?? 0), path: "", message };
  return { ...document, problems: [...document.problems, extra] };
}

/** Reads a YAML text of any number of documents, those without content left out; never throws. Places are in the whole text. */
export function readDocuments(text: string, file: string): SourceDocument[] {
  const { documents, place } = parse(text);
  return documents
    .map((document) => toSource(document, file, place))
    .filter(({ raw, problems }) => (raw !== undefined && raw !== null) || problems.length > 0);
}

type Place = (offset: number) => { readonly line: number; readonly column: number };

function parse(text: string): { documents: readonly YamlDocument.Parsed[]; place: Place } {
  const lines = new LineCounter();
  const documents = [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" })];
  const place: Place = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  return { documents, place };
}

function toSource(document: YamlDocument.Parsed | undefined, file: string, place: Place): SourceDocument {
  const problem: SourceDocument["problem"] = (path, message, at = "value") => ({
    file,
    ...place(offsetOf(document, path, at)),
    path: formatPath(path),
    message,
  });
  const faults = document === undefined ? [] : [...document.errors, ...document.warnings];
  const problems = faults.map((fault) => ({ file, ...place(fault.pos[0]), path: "", message: describeFault(fault) }));
  const isReadable = faults.every(({ code }) => code === "DUPLICATE_KEY" || code === "TAG_RESOLVE_FAILED");
  try {
    const raw: unknown = isReadable ? document?.toJS() : undefined;
    return { raw, isEmpty: document === undefined || document.contents === null, problems, isReadable, problem };
  } catch (error) {
    // Only aliases are resolved this late.
    problems.push(problem([], error instanceof Error ? error.message : String(error)));
    return { raw: undefined, isEmpty: false, problems, isReadable: false, problem };
  }
}

function describeFault({ code, message }: YAMLError): string {
  return code === "DUPLICATE_KEY" ? "the key is given twice, expected once" : `cannot be read: ${message}`;
}

/** Where the value or key of a path begins; for a path that leads nowhere, the nearest value on the way. */
function offsetOf(document: YamlDocument.Parsed | undefined, path: DocumentPath, at: "value" | "key"): number {
  for (let length = path.length; length >= 0; length--) {
    const isWhole = length === path.length;
    const node = isWhole && at === "key" ? keyNode(document, path) : nodeAt(document, path.slice(0, length));
    if (node?.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: YamlDocument.Parsed | undefined, path: DocumentPath): Node | undefined {
  const node = path.length === 0 ? document?.contents : document?.getIn(path, true);
  return isNode(node) ? node : undefined;
}

function keyNode(document: YamlDocument.Parsed | undefined, path: DocumentPath): Node | undefined {
  const map = nodeAt(document, path.slice(0, -1));
  if (!isMap(map)) return undefined;
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)));
  return isNode(pair?.key) ? pair.key : undefined;
}

/** `a.b[0]`, with quotes around keys that would read wrongly. */
function formatPath(path: DocumentPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[\w/-]+$/.test(String(key))) text += `${text && "."}${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}
