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
  readonly #isPinned: (value: string) => boolean;
  readonly #limit: number;

  /**
   * `isPinned`: values that always pass and are not counted, those of the pool's own objects; default none. `limit`:
   * distinct values let through besides; default 1000 (protocol 8).
   */
  constructor(isPinned: (value: string) => boolean = () => false, limit = 1000) {
    this.#isPinned = isPinned;
    this.#limit = limit;
  }

  limit(value: string): string {
    const cut = value.length > maxLength ? value.slice(0, maxLength) : value;
    const shown = this.#shown.get(cut);
    if (shown !== undefined) return shown;
    const isPinned = this.#isPinned(value);
    if (!isPinned && this.#shown.size >= this.#limit) return overflowLabel;
    const written = cut.replace(controls, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
    if (!isPinned) this.#shown.set(cut, written);
    return written;
  }
}
