/** Tokens of one exchange as the model server counted them; undefined where it does not say. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  /** The sum of the two when not reported. */
  readonly totalTokens: number;
  /** Prompt tokens taken from the prefix cache. */
  readonly cachedTokens: number | undefined;
}

/** Reads token usage out of a response that passes by; never throws, whatever the bytes are. */
export interface UsageReader {
  /** Takes the next piece, cut anywhere. */
  push(chunk: Uint8Array): void;
  /** The body has ended. */
  end(): void;
  /** What was reported so far; undefined when nothing was. A JSON body reports at its end, and only when it is valid. */
  readonly usage: Usage | undefined;
}

/** The fields of one `usage` object that were usable. */
export interface UsageBlock {
  readonly prompt: number | undefined;
  readonly completion: number | undefined;
  readonly total: number | undefined;
  readonly cached: number | undefined;
}

/**
 * Reads a parsed `usage` object of the OpenAI or Anthropic APIs or a `meta_info` of SGLang (protocol 3.4): every spelling,
 * numbers or numeric strings.
 * Undefined when nothing in it is usable; never throws.
 */
export function readUsageBlock(value: unknown): UsageBlock | undefined {
  if (!isRecord(value)) return undefined;
  const details = value["prompt_tokens_details"] ?? value["input_tokens_details"];
  const block = {
    prompt: readCount(value["prompt_tokens"] ?? value["input_tokens"]),
    completion: readCount(value["completion_tokens"] ?? value["output_tokens"]),
    total: readCount(value["total_tokens"]),
    cached: readCount(
      (isRecord(details) ? details["cached_tokens"] : undefined) ??
        value["cache_read_input_tokens"] ??
        value["cached_tokens"],
    ),
  };
  return Object.values(block).every((count) => count === undefined) ? undefined : block;
}

/** Adds a later block to what is known: field by field, zero never overwrites, the total of a partial block is the sum. */
export function mergeUsage(known: Usage | undefined, block: UsageBlock): Usage {
  const promptTokens = newer(known?.promptTokens, block.prompt);
  const completionTokens = newer(known?.completionTokens, block.completion);
  const isPartial = block.prompt === undefined || block.completion === undefined;
  const sum = (promptTokens ?? 0) + (completionTokens ?? 0);
  const reported = isPartial && sum > 0 ? undefined : block.total;
  return {
    promptTokens,
    completionTokens,
    totalTokens: reported || sum,
    cachedTokens: newer(known?.cachedTokens, block.cached),
  };
}

function newer(known: number | undefined, next: number | undefined): number | undefined {
  return next || (known ?? next);
}

/** Whether `value` is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readCount(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
