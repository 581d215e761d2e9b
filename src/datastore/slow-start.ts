/** How long an endpoint that joins a working pool is held back. */
const rampMs = 30_000;
/** Share of an endpoint in its first `rampMs`, as a multiple of a fair share. */
const rampShare = 1.15;
/** Requests that a newcomer may be ahead. */
const allowanceLimit = 1;

/**
 * Holds back an endpoint that joins a working pool: it shows no load and would look best until its batch and cache have
 * filled, so all traffic would go there at once. For 30 s it may take 1.15 times a fair share of the requests and no more
 * (reliability F17).
 */
export class SlowStart {
  readonly #untilMs: number;
  #allowance = 0;

  /** `joinedAtMs`: when the endpoint joined a pool that was at work. */
  constructor(joinedAtMs: number) {
    this.#untilMs = joinedAtMs + rampMs;
  }

  /** True once the endpoint is like any other. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#untilMs;
  }

  /** True when another request now would be more than its share. */
  get isAhead(): boolean {
    return this.#allowance <= 0;
  }

  /** A request went to this endpoint or another one of `poolSize`. */
  noteDispatch(isHere: boolean, poolSize: number): void {
    this.#allowance = Math.min(allowanceLimit, this.#allowance + rampShare / poolSize) - (isHere ? 1 : 0);
  }
}
