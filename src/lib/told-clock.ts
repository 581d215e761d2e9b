import type { Clock } from "./clock.ts";

/**
 * A clock that shows the time it was told last, for code that decides in a time that is not the system's: simulated or recorded.
 * Its wall time is the same number. It has no timers.
 */
export class ToldClock implements Clock {
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  /** Throws TypeError: nothing may wait here. */
  after(): never {
    throw new TypeError("Cannot set a timer: deciding takes no time here");
  }

  /** It is `nowMs` from here on. */
  tell(nowMs: number): void {
    this.#nowMs = nowMs;
  }
}
