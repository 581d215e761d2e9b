/** What a picker's thread spends on one request, microseconds (simulator 3.2). */
export interface DecisionCost {
  /** On each: the stream, the headers, the answer. */
  readonly requestUs: number;
  /** On each scorer for each endpoint. */
  readonly scorerEndpointUs: number;
  /** On each byte of the prompt. */
  readonly promptByteUs: number;
}

/**
 * As measured (docs/performance.md): 299 us of CPU a request with 8 endpoints, 3 scorers and 1 KB prompts, 2.0 ms with
 * prompts of 220 KB; `npm run bench` gives the time by scorer and endpoint.
 */
export const measuredCost: DecisionCost = { requestUs: 282, scorerEndpointUs: 0.4, promptByteUs: 0.0078 };

/** Time that one decision keeps the picker busy, ms. */
export function decisionMs(cost: DecisionCost, endpoints: number, scorers: number, promptBytes: number): number {
  return (cost.requestUs + cost.scorerEndpointUs * endpoints * scorers + cost.promptByteUs * promptBytes) / 1000;
}
