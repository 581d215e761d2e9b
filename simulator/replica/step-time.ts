import type { StepCoefficients } from "./config.ts";

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
export function stepTimeMs(coefficients: StepCoefficients, adapterStepFactor: number, work: StepWork): number {
  const us =
    coefficients.perRequestUs * work.requests +
    coefficients.perContextTokenUs * work.contextTokens +
    coefficients.perPrefillTokenUs * work.prefillTokens +
    coefficients.attentionNs * 1e-3 * work.attentionPairs;
  return (coefficients.baseMs + us * 1e-3) * (1 + adapterStepFactor * work.adapters);
}
