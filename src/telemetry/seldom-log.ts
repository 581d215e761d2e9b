import type { Clock } from "../lib/clock.ts";

/** Most keys that are remembered; beyond them the oldest may be logged again early. */
const maxKeys = 10_000;

/** Keeps lines about a lasting condition from flooding the log: one line a key in a time. */
export class SeldomLog {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #lastMs = new Map<string, number>();

  /** `intervalMs` is the time between two lines of a key; default one minute. */
  constructor(clock: Clock, intervalMs = 60_000) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Calls `write` unless it was called for `key` within the interval. */
  about(key: string, write: () => void): void {
    const nowMs = this.#clock.nowMs();
    const lastMs = this.#lastMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return;
    this.#lastMs.delete(key);
    this.#lastMs.set(key, nowMs);
    const [oldest] = this.#lastMs.keys();
    if (this.#lastMs.size > maxKeys && oldest !== undefined) this.#lastMs.delete(oldest);
    write();
  }

  /** The next line of `key` is written whenever it comes. */
  forget(key: string): void {
    this.#lastMs.delete(key);
  }
}
