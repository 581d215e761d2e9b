import type { Clock } from "../lib/clock.ts";

interface Watched {
  readonly atMs: number;
  readonly onLate: () => void;
}

/**
 * Deadlines of many operations behind one timer, which runs only while something is watched. A deadline is noticed up
 * to one period late; in exchange setting one costs no timer. The HTTP client's own timeouts are no alternative: below
 * 1 s they fire after about 1 s.
 */
export class DeadlineSweep {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #watched = new Set<Watched>();
  #isArmed = false;

  constructor(clock: Clock, periodMs = 25) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** Calls `onLate` once, `afterMs` from now or up to a period later, unless the returned function is called before. */
  watch(afterMs: number, onLate: () => void): () => void {
    const watched = { atMs: this.#clock.nowMs() + afterMs, onLate };
    this.#watched.add(watched);
    this.#arm();
    return () => this.#watched.delete(watched);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#clock.after(this.#periodMs, () => {
      this.#isArmed = false;
      const nowMs = this.#clock.nowMs();
      for (const watched of this.#watched) {
        if (watched.atMs > nowMs) continue;
        this.#watched.delete(watched);
        watched.onLate();
      }
      if (this.#watched.size > 0) this.#arm();
    });
  }
}
