import type { Endpoint } from "../../datastore/endpoint.ts";

/** What a prefix-cache producer found out for one request; scorers and filters read it from `cycle.produced`. */
export class PrefixMatch {
  /** Blocks of the prompt that were looked up; 0 when the prompt is empty or unknown. */
  readonly totalBlocks: number;
  /** Tokens a block stands for. */
  readonly blockSizeTokens: number;
  readonly #matched: (endpoint: Endpoint) => number;

  constructor(totalBlocks: number, blockSizeTokens: number, matched: (endpoint: Endpoint) => number) {
    this.totalBlocks = totalBlocks;
    this.blockSizeTokens = blockSizeTokens;
    this.#matched = matched;
  }

  /** Leading blocks of the prompt that `endpoint` is taken to hold, 0 to `totalBlocks`, as of now. */
  matchedBlocks(endpoint: Endpoint): number {
    return this.totalBlocks === 0 ? 0 : this.#matched(endpoint);
  }
}
