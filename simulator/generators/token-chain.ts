import type { RequestTableBuilder } from "../traces/request-table-builder.ts";
import { rootBlock } from "../traces/block-chains.ts";

/** Tokens a block of generated loads: the block size of vLLM. */
export const generatedBlockTokens = 16;

/** A text that grows: what it was stays the beginning of what it becomes. */
export class TokenChain {
  /** Ids of its full blocks. */
  readonly ids: number[];
  #tokens: number;

  private constructor(ids: number[], tokens: number) {
    this.ids = ids;
    this.#tokens = tokens;
  }

  static empty(): TokenChain {
    return new TokenChain([], 0);
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Appends tokens that are like no others. */
  append(requests: RequestTableBuilder, tokens: number): this {
    this.#tokens += tokens;
    const blocks = Math.floor(this.#tokens / generatedBlockTokens);
    while (this.ids.length < blocks) this.ids.push(requests.chains.fresh(this.ids.at(-1) ?? rootBlock));
    return this;
  }

  /** Another text with the same beginning. */
  fork(): TokenChain {
    return new TokenChain([...this.ids], this.#tokens);
  }
}
