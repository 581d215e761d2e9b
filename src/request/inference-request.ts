/**
 * How the body was understood: one name an API. `headers-only` has no body; nobody reads the bodies of `passthrough`,
 * `count-tokens` and `vllm-grpc-other`.
 */
export type RequestKind =
  | "completions"
  | "chat-completions"
  | "embeddings"
  | "responses"
  | "conversations"
  | "images"
  | "messages"
  | "count-tokens"
  | "vllm-generate"
  | "sglang-generate"
  | "vllm-grpc-generate"
  | "vllm-grpc-embed"
  | "vllm-grpc-other"
  | "passthrough"
  | "headers-only";

/** A prompt that is known only by the hashes of its leading blocks, as traces and recordings keep it. */
export interface PromptChain {
  /** Two 32-bit words a block, `words[2 * i]` and `words[2 * i + 1]`; each covers the blocks before it. */
  readonly words: Uint32Array;
  /** Tokens a block. */
  readonly blockTokens: number;
  /** Index behind the last block of each of several prompts, in order; default: one prompt. */
  readonly chainEnds?: readonly number[];
}

/**
 * What scheduling needs to know of one request: plain, structured-cloneable data, no reference to the stream or the body.
 */
export interface InferenceRequest {
  readonly kind: RequestKind;
  /** Model the client asked for; "" for passthrough and headers-only. */
  readonly model: string;
  /** Model the server is asked for: `model` unless rewritten. A LoRA adapter is asked for by its name here. */
  readonly targetModel: string;
  /** The client asked for a streamed answer. */
  readonly streaming: boolean;
  /** Upper bound of generated tokens that the request names; undefined when it names none. */
  readonly maxOutputTokens: number | undefined;
  /**
   * The prompt as UTF-8 bytes for prefix matching, cut at the parser's cap: completions: the prompt; chat: role and
   * content of each message run together (protocol 6.7, 10.5); other APIs: see their parsers. Token ids are 4 bytes each,
   * little-endian. Empty when the prompt is unknown.
   */
  readonly prompt: Uint8Array;
  /** Stands for `prompt`, which is then empty, where the text is not known; default: the prompt itself is there. */
  readonly promptChain?: PromptChain | undefined;
  /** Length of the whole prompt in bytes, also beyond the cap. */
  readonly promptBytes: number;
  /**
   * Where each prompt of a list of several ends in `prompt`, in order, the last equal to `promptBytes`: they share nothing
   * with one another's beginning (protocol 10.5). Empty for a single prompt.
   */
  readonly segments: readonly number[];
  /** The request's `cache_salt`: prompts with different salts never share cache blocks. "" when absent. */
  readonly cacheSalt: string;
  /** The client wants no answer unless a server has some of the prompt cached (`Prefer: if-available`); default false. */
  readonly onlyIfCached?: boolean;
  /** Control values from headers (protocol 3.1). */
  readonly objective: string;
  /** Priority of the objective, an int32: greater is more important, below 0 may be shed; 0 without one. */
  readonly priority: number;
  /** The headers that configured plugins read and the client sent, by lower-cased name; without a prototype. */
  readonly headers: Readonly<Record<string, string>>;
  readonly fairnessId: string;
  readonly requestId: string;
}

const noPrompt = new Uint8Array(0);
const noSegments: readonly number[] = [];

/** The request without its prompt, for what outlives the decision: a long answer must not keep a long prompt. */
export function withoutPrompt(request: InferenceRequest): InferenceRequest {
  const { onlyIfCached } = request;
  // Field by field: an object that a key was deleted from is slow and large, and this runs once or twice a request.
  return {
    kind: request.kind,
    model: request.model,
    targetModel: request.targetModel,
    streaming: request.streaming,
    maxOutputTokens: request.maxOutputTokens,
    prompt: noPrompt,
    promptBytes: request.promptBytes,
    segments: noSegments,
    cacheSalt: request.cacheSalt,
    ...(onlyIfCached !== undefined && { onlyIfCached }),
    objective: request.objective,
    priority: request.priority,
    headers: request.headers,
    fairnessId: request.fairnessId,
    requestId: request.requestId,
  };
}
