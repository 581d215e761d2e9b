/**
 * JSON values a little smaller than `value`, of the same shape, the greatest steps first: arrays and strings lose a part,
 * numbers go towards zero, members of objects are made smaller one at a time and never left out.
 */
export function* smaller(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) yield* smallerArrays(value);
  else if (typeof value === "string")
    for (const [from, to] of parts(value.length)) yield value.slice(0, from) + value.slice(to);
  else if (typeof value === "number" && value !== 0) yield* [0, Math.trunc(value / 2)];
  else if (value === true) yield false;
  else if (typeof value === "object" && value !== null) yield* smallerObjects(value as Record<string, unknown>);
}

function* smallerArrays(value: readonly unknown[]): Generator<unknown> {
  for (const [from, to] of parts(value.length)) yield [...value.slice(0, from), ...value.slice(to)];
  for (const [index, element] of value.entries()) for (const less of smaller(element)) yield value.with(index, less);
}

/** Members whose values are names of kinds: they have no smaller ones. */
const kinds: readonly string[] = ["do", "kind", "phase", "engine", "dialect", "format", "path"];

function* smallerObjects(value: Record<string, unknown>): Generator<unknown> {
  for (const [key, member] of Object.entries(value).filter(([name]) => !kinds.includes(name)))
    for (const less of smaller(member)) yield { ...value, [key]: less };
}

/** Ranges to leave out of `length` elements: halves, quarters, down to single ones. */
function* parts(length: number): Generator<[from: number, to: number]> {
  for (let size = length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < length; from += size) yield [from, Math.min(length, from + size)];
  }
}
