/** What a streamed answer said. */
export interface StreamFindings {
  /** A token with text has come. */
  readonly hasContent: boolean;
  /** The stream said it was complete. */
  readonly isDone: boolean;
  /** From the usage chunk; 0 before it came. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** Longer than the usage chunk and the end of the stream together. */
const tailLength = 1024;

/**
 * Reads an OpenAI event stream for what a load test needs and no more: the first token with text, and the usage at the
 * end. No JSON is parsed, since thousands of chunks a second pass through here.
 */
export class StreamReader implements StreamFindings {
  #tail = "";
  #hasContent = false;

  /** Takes the next piece, cut anywhere. True when the first token with text is in it. */
  push(chunk: Buffer): boolean {
    this.#tail = (this.#tail + chunk.toString("latin1")).slice(-tailLength);
    if (this.#hasContent) return false;
    this.#hasContent = /"(?:content|text)":"[^"]/.test(this.#tail);
    return this.#hasContent;
  }

  get hasContent(): boolean {
    return this.#hasContent;
  }

  get isDone(): boolean {
    return this.#tail.includes("data: [DONE]");
  }

  get promptTokens(): number {
    return this.#count("prompt_tokens");
  }

  get cachedTokens(): number {
    return this.#count("cached_tokens");
  }

  get outputTokens(): number {
    return this.#count("completion_tokens");
  }

  #count(field: string): number {
    return Number(new RegExp(`"${field}":(\\d+)`).exec(this.#tail)?.[1] ?? 0);
  }
}
