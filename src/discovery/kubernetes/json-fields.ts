/** What lies under `key` of a JSON object; undefined when the value is no object or has no such key of its own. */
export function field(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/** What lies at the end of a way of keys; undefined when it leads nowhere. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce(field, value);
}

/** The text at the end of a way of keys; undefined for anything else and for "". */
export function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** The entries of a list at the end of a way of keys; none when there is no list. */
export function listAt(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
}

/** The texts of a map at the end of a way of keys; values that are no text are left out. */
export function textsAt(value: unknown, ...keys: readonly string[]): Readonly<Record<string, string>> {
  const found = at(value, ...keys);
  if (typeof found !== "object" || found === null || Array.isArray(found)) return {};
  const texts = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}
