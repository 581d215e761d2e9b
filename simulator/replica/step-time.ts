import type { ReplicaConfig, StepCoefficients } from "./config.ts";

/** What one step computes; sums over its batch. */
export interface StepWork {
  /** B: requests in the batch. */
  requests: number;
  /** K: context tokens over the decodes, the new token included. */
  contextTokens: number;
  /** P: new prefill tokens. */
  prefillTokens: number;
  /** Σ q(h + q/2) over the prefills. */
  attentionPairs: number;
  /** Distinct adapters in the batch. */
  adapters: number;
}

/** Duration of a step in ms (simulator 1.3). */
export function stepTimeMs(config: StepTimeConfig, work: StepWork): number {
  const { coefficients } = config;
  const memoryMs =
    coefficients.baseMs +
    (coefficients.perRequestUs * work.requests + coefficients.perContextTokenUs * work.contextTokens) * 1e-3;
  const computeMs =
    (coefficients.perPrefillTokenUs * work.prefillTokens + coefficients.attentionNs * 1e-3 * work.attentionPairs) *
    1e-3;
  const ms = config.stepTerms === "sum" ? memoryMs + computeMs : Math.max(memoryMs, computeMs);
  return ms * (1 + config.adapterStepFactor * work.adapters);
}

/** The part of a replica's config that decides how long its steps take. */
export type StepTimeConfig = Pick<ReplicaConfig, "coefficients" | "stepTerms" | "adapterStepFactor">;

/**
 * Steps in a row that only decode, with one and the same batch. Every step is longer than the one before by the same amount,
 * since each request reads one more token, so the end of any step is known at once. Ends are computed from the start of the
 * stretch, not added up: who takes the steps singly and who jumps over many get the same numbers to the last bit.
 */
export class DecodeStretch {
  readonly #coefficients: StepCoefficients;
  readonly #adapterStepFactor: number;
  #startMs = 0;
  #requests = 0;
  #contextTokens = 0;
  #factor = 1;

  constructor({ coefficients, adapterStepFactor }: StepTimeConfig) {
    this.#coefficients = coefficients;
    this.#adapterStepFactor = adapterStepFactor;
  }

  /** Starts anew at `startMs` with the work of the first step. */
  begin(startMs: number, work: StepWork): void {
    this.#startMs = startMs;
    this.#requests = work.requests;
    this.#contextTokens = work.contextTokens;
    this.#factor = 1 + this.#adapterStepFactor * work.adapters;
  }

  /** End of the stretch's step number `steps`, counted from 1; its start for 0. */
  endMs(steps: number): number {
    const { baseMs, perRequestUs, perContextTokenUs } = this.#coefficients;
    const contextTokens = steps * this.#contextTokens + (this.#requests * steps * (steps - 1)) / 2;
    const us = perRequestUs * (steps * this.#requests) + perContextTokenUs * contextTokens;
    return this.#startMs + (steps * baseMs + us * 1e-3) * this.#factor;
  }

  /** Fewest steps whose end is at or after `atMs`. */
  stepsUntil(atMs: number): number {
    let steps = Math.max(0, Math.ceil(this.#solve(atMs)));
    while (this.endMs(steps) < atMs) steps++;
    while (steps > 0 && this.endMs(steps - 1) >= atMs) steps--;
    return steps;
  }

  /** Most steps whose end is at or before `atMs`; 0 when the first one ends later. */
  stepsBy(atMs: number): number {
    let steps = Math.max(0, Math.floor(this.#solve(atMs)));
    while (this.endMs(steps + 1) <= atMs) steps++;
    while (steps > 0 && this.endMs(steps) > atMs) steps--;
    return steps;
  }

  /** The real number of steps that ends at `atMs`, give or take a rounding error. */
  #solve(atMs: number): number {
    const { baseMs, perRequestUs, perContextTokenUs } = this.#coefficients;
    const firstMs = baseMs + (perRequestUs * this.#requests + perContextTokenUs * this.#contextTokens) * 1e-3;
    const half = (perContextTokenUs * 1e-3 * this.#requests) / 2;
    const linear = firstMs - half;
    const wanted = Math.max(0, atMs - this.#startMs) / this.#factor;
    // The root in the form that does not divide by `half`, which may be 0.
    return (2 * wanted) / (linear + Math.sqrt(linear * linear + 4 * half * wanted));
  }
}
