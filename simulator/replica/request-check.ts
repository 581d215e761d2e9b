import type { ReplicaConfig } from "./config.ts";
import type { ReplicaRequest } from "./sequence.ts";

/** Refuses requests that a replica can never run. */
export class RequestCheck {
  readonly #config: ReplicaConfig;
  /** Tokens a hash of the requests so far. */
  #blockTokens: number | undefined = undefined;

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  /** Throws RangeError naming the request and what is wrong with it. */
  require(request: ReplicaRequest, isUnderWay: boolean): void {
    const { promptTokens, outputTokens, adapter } = request;
    const { maxModelTokens, maxLoras } = this.#config;
    if (isUnderWay) refuse(request, "its id is under way", "a new id");
    if (!Number.isSafeInteger(promptTokens) || promptTokens < 1) {
      refuse(request, `${promptTokens} prompt tokens`, "at least 1");
    }
    if (!Number.isSafeInteger(outputTokens) || outputTokens < 1) {
      refuse(request, `${outputTokens} output tokens`, "at least 1");
    }
    const tokens = promptTokens + outputTokens;
    if (tokens > maxModelTokens) refuse(request, `${tokens} tokens in all`, `at most ${maxModelTokens}`);
    if (adapter !== undefined && maxLoras === 0) {
      refuse(request, `adapter "${adapter}"`, "no adapter (maxLoras is 0)");
    }
    if (request.blockHashes.length > 0) this.#requireBlockTokens(request);
  }

  #requireBlockTokens(request: ReplicaRequest): void {
    const { blockSizeTokens } = this.#config;
    const tokens = request.blockTokens ?? blockSizeTokens;
    if (tokens <= 0 || tokens % blockSizeTokens !== 0 || tokens !== (this.#blockTokens ?? tokens)) {
      refuse(request, `${tokens} tokens a hash`, `a multiple of ${blockSizeTokens}, the same for all requests`);
    }
    this.#blockTokens = tokens;
  }
}

function refuse({ id }: ReplicaRequest, found: string, expected: string): never {
  throw new RangeError(`Cannot submit request "${id}": ${found}, expected ${expected}`);
}
