/** What a label shows for every value beyond the cap. */
export const overflowLabel = "other";

/**
 * Keeps the number of label values bounded, since clients choose them: the first `limit` distinct values pass, later ones
 * become "other". Values longer than 256 characters are cut first.
 */
export class LabelCap {
  readonly #seen = new Set<string>();
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
    const cut = value.length > 256 ? value.slice(0, 256) : value;
    if (this.#seen.has(cut) || this.#isPinned(value)) return cut;
    if (this.#seen.size >= this.#limit) return overflowLabel;
    this.#seen.add(cut);
    return cut;
  }
}
