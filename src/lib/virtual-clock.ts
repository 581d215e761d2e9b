import type { Clock } from "./clock.ts";

interface Timer {
  atMs: number;
  order: number;
  callback: () => void;
}

/** A clock that stands still until told to move; timers fire in order of their time, equal times in order of creation. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  readonly #wallStartMs: number;

  /** `wallStartMs` is the wall time that virtual 0 stands for; default 0. */
  constructor(wallStartMs = 0) {
    this.#wallStartMs = wallStartMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time on by `ms` and fires every timer that falls due on the way, timers set by timers included. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#nextDue(untilMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #nextDue(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      const isEarlier =
        next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order);
      if (isEarlier) next = timer;
    }
    return next;
  }
}
