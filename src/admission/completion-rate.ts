import type { Clock } from "../lib/clock.ts";

/** Busy time after which what was seen counts 1/e. */
const memoryMs = 30_000;

/**
 * How many requests a second the pool completes while it has any: an exponentially weighted mean over busy time, the time
 * in which a request of this picker is open. An idle night neither lowers the rate nor wears it out.
 */
export class CompletionRate {
  readonly #clock: Clock;
  #open = 0;
  #seenMs: number;
  /** Completions and busy milliseconds, the older the less. */
  #completions = 0;
  #busyMs = 0;
  #isKnown = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seenMs = clock.nowMs();
  }

  /** A request is on its way. */
  started(): void {
    this.#pass();
    this.#open++;
  }

  /** A request that had started is over, whatever the way: it holds no place at its server any more. */
  ended(): void {
    this.#pass();
    this.#open = Math.max(0, this.#open - 1);
    this.#completions++;
    this.#isKnown = true;
  }

  /** Requests a second, at least 0; undefined until a request has ended. */
  perSecond(): number | undefined {
    this.#pass();
    // The first requests may end within the clock's resolution.
    return this.#isKnown ? (this.#completions / Math.max(1, this.#busyMs)) * 1000 : undefined;
  }

  /** Moves the weights on to now. */
  #pass(): void {
    const nowMs = this.#clock.nowMs();
    const passedMs = nowMs - this.#seenMs;
    this.#seenMs = nowMs;
    if (this.#open === 0 || passedMs <= 0) return;
    const left = Math.exp(-passedMs / memoryMs);
    this.#completions *= left;
    this.#busyMs = this.#busyMs * left + memoryMs * (1 - left);
  }
}
