/**
 * JSON of `value` that a terminal shows without harm: what JSON lets through but a terminal may act on (control characters
 * beyond ASCII, marks that turn the direction of writing, line separators) is escaped. `indent`: spaces a level, default none.
 */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Co}/gu,
    escapeUnits,
  );
}

/** The value of a JSON text; undefined when it is none. The platform's error would repeat the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function escapeUnits(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join(
    "",
  );
}
