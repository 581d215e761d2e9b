/** What a label shows for every value beyond the cap. */
export const overflowLabel = "other";

/**
 * Keeps the number of label values bounded, since clients choose them: the first `limit` distinct values pass, later ones
 * become "other". Values longer than 256 characters are cut first.
 */
export class LabelCap {
  readonly #seen = new Set<string>();
  readonly #limit: number;

  /** `limit`: distinct values let through; default 1000 (protocol 8). */
  constructor(limit = 1000) {
    this.#limit = limit;
  }

  limit(value: string): string {
    const cut = value.length > 256 ? value.slice(0, 256) : value;
    if (this.#seen.has(cut)) return cut;
    if (this.#seen.size >= this.#limit) return overflowLabel;
    this.#seen.add(cut);
    return cut;
  }
}
