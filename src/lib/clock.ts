/**
 * Time as a dependency. Server code gets the real clock, tests and the simulator a virtual one, so no other room
 * reads the system's time or starts a timer by itself.
 */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean something. */
  nowMs(): number;
  /** Milliseconds since 1970, for what people and other programs read. */
  wallMs(): number;
  /**
   * Calls `callback` once after `delayMs` (below 0 counts as 0) and returns the function that prevents it.
   * A pending timer of the real clock does not keep the process alive.
   */
  after(delayMs: number, callback: () => void): () => void;
}

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.max(0, delayMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects, so a loop checks `signal.aborted`. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
