import type { Endpoint } from "../../datastore/endpoint.ts";

/** What a prefix-cache producer found out for one request; scorers and filters read it from `cycle.produced`. */
export abstract class PrefixMatch {
  /** Blocks of the prompt that were looked up; 0 when the prompt is empty or unknown. */
  readonly totalBlocks: number;
  /** Tokens a block stands for. */
  readonly blockSizeTokens: number;

  constructor(totalBlocks: number, blockSizeTokens: number) {
    this.totalBlocks = totalBlocks;
    this.blockSizeTokens = blockSizeTokens;
  }

  /** Leading blocks of the prompt that `endpoint` is taken to hold, 0 to `totalBlocks`, as of now. */
  matchedBlocks(endpoint: Endpoint): number {
    return this.totalBlocks === 0 ? 0 : this.look(endpoint);
  }

  /** `matchedBlocks` of a prompt that has blocks. */
  protected abstract look(endpoint: Endpoint): number;
}
