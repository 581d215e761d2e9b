import type { Clock } from "../lib/clock.ts";

/** A request whose body is still to come. */
export interface Receiving {
  /** Ends itself when it is late. */
  checkDeadline(nowMs: number): void;
}

/** Time between two looks at all requests under way. */
const sweepMs = 250;

/**
 * Looks after the deadlines of all requests that are being received with one timer, which runs only while there is one: two
 * timers a request would cost more than the request's headers.
 */
export class ReceivingSweep {
  readonly #clock: Clock;
  readonly #receiving = new Set<Receiving>();
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(request: Receiving): void {
    this.#receiving.add(request);
    this.#schedule();
  }

  delete(request: Receiving): void {
    this.#receiving.delete(request);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.after(sweepMs, () => {
      this.#isScheduled = false;
      const nowMs = this.#clock.nowMs();
      for (const request of this.#receiving) request.checkDeadline(nowMs);
      if (this.#receiving.size > 0) this.#schedule();
    });
  }
}
