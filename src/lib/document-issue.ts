import type { z } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** Keys and indices from the root of a document to a value. */
export type DocumentPath = readonly PropertyKey[];

/** One problem of a schema's issue: where, relative to the decoded value, and what. */
export interface Fault {
  readonly path: DocumentPath;
  readonly message: string;
  readonly place: "value" | "key";
}

const nouns: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a mapping",
  record: "a mapping",
  array: "a list",
};

/** Says what was found and what `schema` expects, one fault a field; `value` is what the schema was given. */
export function describeIssue(issue: Issue, schema: z.core.$ZodType, value: unknown): Fault[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(issue.path, key, schema));
  const found = issue.path.reduce(step, value);
  return [{ path: issue.path, message: describe(issue, found), place: "value" }];
}

function describe(issue: Issue, found: unknown): string {
  if (issue.code === "invalid_type") return expected(nouns[issue.expected] ?? issue.expected, found);
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    return expected(oneOf(values), found) + (typeof found === "string" ? didYouMean(found, values) : "");
  }
  if (issue.code === "too_small") return expected(`${subject(issue.origin)} ${lowerBound(issue)}`, found);
  if (issue.code === "too_big") return expected(`${subject(issue.origin)} ${upperBound(issue)}`, found);
  if (issue.code === "invalid_union") return expected(unionOf(issue.errors), found);
  return issue.message;
}

function unknownField(path: DocumentPath, key: string, schema: z.core.$ZodType): Fault {
  const known = fieldsAt(schema, path);
  const near = didYouMean(key, known);
  const rest = known.length === 0 ? ", expected no fields here" : `, expected ${oneOf(known)}`;
  return { path: [...path, key], message: `unknown field${near === "" ? rest : near}`, place: "key" };
}

function expected(what: string, found: unknown): string {
  return `expected ${what}, got ${showValue(found)}`;
}

/** A found value in a message: short, on one line. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value as number | boolean | bigint);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function subject(origin: string): string {
  return origin === "int" ? "a whole number" : (nouns[origin] ?? origin);
}

function lowerBound({ origin, minimum, inclusive }: z.core.$ZodIssueTooSmall): string {
  if (origin === "string") return minimum === 1 ? "that is not empty" : `of at least ${minimum} characters`;
  if (origin === "array") return `of at least ${minimum} entries`;
  return inclusive === false ? `greater than ${minimum}` : `of at least ${minimum}`;
}

function upperBound({ origin, maximum, inclusive }: z.core.$ZodIssueTooBig): string {
  if (origin === "string") return `of at most ${maximum} characters`;
  if (origin === "array") return `of at most ${maximum} entries`;
  return inclusive === false ? `less than ${maximum}` : `of at most ${maximum}`;
}

function unionOf(branches: readonly (readonly Issue[])[]): string {
  const texts = branches.map(([issue]) => (issue?.code === "invalid_type" ? nouns[issue.expected] : issue?.message));
  return texts.filter((text) => text !== undefined).join(" or ");
}

function step(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Record<PropertyKey, unknown>)[key];
}

/** What the walk below reads of a schema's definition. */
interface SchemaShape {
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly rest?: z.core.$ZodType | null;
  readonly valueType?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}

/** Fields that the schema knows at a path, sorted as declared. */
function fieldsAt(schema: z.core.$ZodType, path: DocumentPath): string[] {
  let here: z.core.$ZodType | undefined = schema;
  for (const key of path) {
    const { element, rest, valueType, shape } = bare(here);
    here = typeof key === "number" ? (element ?? rest ?? undefined) : (shape?.[String(key)] ?? valueType);
  }
  return Object.keys(bare(here).shape ?? {});
}

/** The definition under optional, default and transforming wrappers. */
function bare(schema: z.core.$ZodType | undefined): SchemaShape {
  const definition = (schema?._zod.def ?? {}) as SchemaShape;
  const inner = definition.innerType ?? definition.in;
  return inner === undefined ? definition : bare(inner);
}
