/** How long an endpoint that joins a working pool is watched over. */
const rampMs = 30_000;
/** Bounds of its share meanwhile, as multiples of a fair share. */
const shareBounds = { least: 0.9, most: 1.15 };
/** Requests that count: further ahead or behind is forgotten, so that no flood follows a pause. */
const maxDebt = 2;

/** Where a newcomer stands: `ahead` of its share, `behind` it, or `even`. */
export type SharePosition = "ahead" | "behind" | "even";

/**
 * Keeps the share of an endpoint that joins a working pool within bounds for 30 s. It shows no load, so it would look best until
 * its batch and cache have filled and all traffic would go there at once; and it has no prompt cached, so where prefixes
 * decide it would get nothing for ever (reliability F17). Shares are of the decisions in which it was a candidate.
 */
export class SlowStart {
  readonly #untilMs: number;
  /** Requests that it may still take, and requests that it should have had. */
  #allowance = 0;
  #deficit = 0;

  /** `joinedAtMs`: when the endpoint joined a pool that was at work. */
  constructor(joinedAtMs: number) {
    this.#untilMs = joinedAtMs + rampMs;
  }

  /** True once the endpoint is like any other. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#untilMs;
  }

  get position(): SharePosition {
    if (this.#allowance <= 0) return "ahead";
    return this.#deficit >= 1 ? "behind" : "even";
  }

  /** It was one of `candidates` endpoints that could have been picked, and was picked or not. */
  noteDecision(candidates: number, isPicked: boolean): void {
    const taken = isPicked ? 1 : 0;
    this.#allowance = Math.min(1, this.#allowance + shareBounds.most / candidates) - taken;
    this.#deficit = Math.max(-maxDebt, Math.min(maxDebt, this.#deficit + shareBounds.least / candidates - taken));
  }
}
