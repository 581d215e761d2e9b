/** What a label shows for every value beyond the cap. */
export const overflowLabel = "other";

const maxLength = 256;
/** What would move a terminal's cursor, change its colours or end a line. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * Keeps the number of label values bounded, since clients choose them: the first `limit` distinct values pass, later ones
 * become "other". Values longer than 256 characters are cut first; control characters are written as `\u001b`.
 */
export class LabelCap {
  /** What is shown of a value that passed. */
  readonly #shown = new Map<string, string>();
  readonly #limit: number;

  /** `limit`: distinct values let through; default 1000 (protocol 8). */
  constructor(limit = 1000) {
    this.#limit = limit;
  }

  limit(value: string): string {
    const cut = value.length > maxLength ? value.slice(0, maxLength) : value;
    const shown = this.#shown.get(cut);
    if (shown !== undefined) return shown;
    if (this.#shown.size >= this.#limit) return overflowLabel;
    const written = cut.replace(controls, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
    this.#shown.set(cut, written);
    return written;
  }
}
