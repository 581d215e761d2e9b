import type { Random } from "./random.ts";

/** Bounds of the waits. */
export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly minMs: number;
  /** Ceiling of all waits. */
  readonly maxMs: number;
  readonly random: Random;
}

/** Waits between attempts: the ceiling doubles with each, and chance takes up to half of it away, so that many callers spread. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next wait in milliseconds, from half the ceiling up to it. */
  nextMs(): number {
    const { minMs, maxMs, random } = this.#options;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempts++, 30));
    return ceilingMs * (0.5 + 0.5 * random());
  }

  /** The next wait is the shortest again. */
  reset(): void {
    this.#attempts = 0;
  }
}
