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

function escapeUnits(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join(
    "",
  );
}
