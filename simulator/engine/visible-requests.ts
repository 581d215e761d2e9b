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
  /** Where chains are written, one over the other: an array for each costs more than to write it. */
  #words = new Uint32Array(0);

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
    if (this.#words.length < 2 * inPrompt) this.#words = new Uint32Array(4 * inPrompt);
    const words = this.#words;
    // Pickers mix words with a key of theirs, so that they need not be spread here.
    for (let i = 0; i < known; i++) {
      words[2 * i] = blocks[from + i] as number;
      words[2 * i + 1] = 0;
    }
    // Blocks that no other request has: a picker hashes and remembers them all the same.
    const own = mix32(this.row);
    for (let i = known; i < inPrompt; i++) {
      words[2 * i] = own ^ i;
      words[2 * i + 1] = this.row + 1;
    }
    return { words: words.subarray(0, 2 * inPrompt), blockTokens };
  }

  random(): Random {
    return this.#draws.from(this.row);
  }
}
