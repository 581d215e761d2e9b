import { LruMap } from "../lib/lru-map.ts";

/** How many tokens a request is taken to have. */
export interface TokenEstimate {
  /** Tokens of the prompt, a whole number. */
  readonly inputTokens: number;
  /** Tokens of the answer; undefined when nothing tells. */
  readonly outputTokens: number | undefined;
}

/** What an estimate is made from. */
export interface TokenSource {
  readonly targetModel: string;
  /** Length of the prompt in bytes of UTF-8. */
  readonly promptBytes: number;
  /** Upper bound that the request names. */
  readonly maxOutputTokens: number | undefined;
}

/** Bytes a token where nothing was learned yet (protocol 3.3). */
export const defaultBytesPerToken = 4;
/** Share of a new observation in the average, by weight of its tokens up to `fullWeightTokens`. */
const learningRate = 0.1;
const fullWeightTokens = 256;
/** What a tokenizer can mean: anything outside is a wrong report. */
const bytesPerTokenRange = { min: 0.5, max: 32 };
const maxModels = 1000;

interface Learned {
  bytesPerToken: number;
  outputTokens: number | undefined;
}

/**
 * Estimates tokens without a tokenizer: bytes of the prompt by a ratio that is learned for each model from the `usage` of its
 * responses, starting at 4. The 1,000 models used last are kept.
 */
export class TokenEstimator {
  readonly #models = new LruMap<string, Learned>(maxModels);

  /** Tokens of a request: a whole number of at least 0 for the prompt; the answer by its model's average, at most its bound. */
  estimate({ targetModel, promptBytes, maxOutputTokens }: TokenSource): TokenEstimate {
    const learned = this.#models.get(targetModel);
    const inputTokens = Math.ceil(promptBytes / (learned?.bytesPerToken ?? defaultBytesPerToken));
    const usual = learned?.outputTokens;
    if (usual === undefined) return { inputTokens, outputTokens: maxOutputTokens };
    return { inputTokens, outputTokens: Math.min(Math.round(usual), maxOutputTokens ?? Number.POSITIVE_INFINITY) };
  }

  /** Bytes that a token of `model` is taken to have. */
  bytesPerToken(model: string): number {
    return this.#models.get(model)?.bytesPerToken ?? defaultBytesPerToken;
  }

  /** Every model of which something was learned, with the bytes that a token of it is taken to have; at most 1,000. */
  *learned(): Generator<readonly [model: string, bytesPerToken: number]> {
    for (const [model, { bytesPerToken }] of this.#models.entries()) yield [model, bytesPerToken];
  }

  /** Learns from a response: a count that is missing or that no tokenizer can mean is left out. */
  learn(source: TokenSource, usage: { promptTokens: number | undefined; completionTokens: number | undefined }): void {
    const learned = this.#models.get(source.targetModel) ?? {
      bytesPerToken: defaultBytesPerToken,
      outputTokens: undefined,
    };
    const { promptTokens, completionTokens } = usage;
    if (promptTokens !== undefined && promptTokens > 0 && source.promptBytes > 0) {
      const seen = source.promptBytes / promptTokens;
      const weight = learningRate * Math.min(1, promptTokens / fullWeightTokens);
      if (seen >= bytesPerTokenRange.min && seen <= bytesPerTokenRange.max) {
        learned.bytesPerToken += weight * (seen - learned.bytesPerToken);
      }
    }
    if (completionTokens !== undefined && completionTokens >= 0 && Number.isFinite(completionTokens)) {
      const before = learned.outputTokens ?? completionTokens;
      learned.outputTokens = before + learningRate * (completionTokens - before);
    }
    this.#models.set(source.targetModel, learned);
  }
}
