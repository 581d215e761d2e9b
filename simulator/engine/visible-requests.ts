import { mix32 } from "../../src/lib/mix32.ts";
import type { KeyedRandom, Random } from "../../src/lib/random.ts";
import type { PromptChain } from "../../src/request/inference-request.ts";
import type { VisibleRequest } from "../policies/policy.ts";
import { none, type RequestTable } from "./request-table.ts";

/** The rows of a load as pickers see them: one object, moved from row to row. True lengths stay behind. */
export class VisibleRequests implements VisibleRequest {
  row = none;
  readonly #requests: RequestTable;
  readonly #draws: KeyedRandom;
  readonly #hasOracle: boolean;

  constructor(requests: RequestTable, draws: KeyedRandom, hasOracle: boolean) {
    this.#requests = requests;
    this.#draws = draws;
    this.#hasOracle = hasOracle;
  }

  /** This object, showing `row`. */
  at(row: number): VisibleRequest {
    this.row = row;
    return this;
  }

  get model(): string {
    const { model, models, adapter, adapters } = this.#requests;
    const asked = adapter[this.row] as number;
    return (asked === none ? models[model[this.row] as number] : adapters[asked]) ?? "";
  }

  get promptTokens(): number {
    return this.#requests.promptTokens[this.row] as number;
  }

  get maxOutputTokens(): number | undefined {
    const { outputTokens, maxOutputTokens } = this.#requests;
    if (this.#hasOracle) return outputTokens[this.row];
    const bound = maxOutputTokens[this.row] as number;
    return bound === 0 ? undefined : bound;
  }

  get priority(): number {
    return this.#requests.priority[this.row] as number;
  }

  promptChain(): PromptChain | undefined {
    const { blocks, blockStart, blockTokens } = this.#requests;
    if (blocks.length === 0) return undefined;
    const from = blockStart[this.row] as number;
    // What is known of the answer's blocks is not the picker's to know.
    const inPrompt = Math.floor(this.promptTokens / blockTokens);
    const known = Math.min((blockStart[this.row + 1] as number) - from, inPrompt);
    const words = new Uint32Array(2 * inPrompt);
    for (let i = 0; i < inPrompt; i++) {
      // Pickers mix words with a key of theirs, so that they need not be spread here.
      words[2 * i] = i < known ? (blocks[from + i] as number) : this.#ownId(i);
      words[2 * i + 1] = i < known ? 0 : this.row + 1;
    }
    return { words, blockTokens };
  }

  random(): Random {
    return this.#draws.from(this.row);
  }

  /** A block that no other request has: a picker hashes and remembers it all the same. */
  #ownId(block: number): number {
    return mix32(this.row) ^ block;
  }
}
