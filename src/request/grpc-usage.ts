import { GrpcFrames } from "./grpc-frames.ts";
import { type MessageVisitor, ProtoScanner } from "./proto-scanner.ts";
import { mergeUsage, type Usage, type UsageBlock, type UsageReader } from "./usage.ts";

/** Field numbers of `GenerateComplete` in `vllm.grpc.engine`. */
const completeField = { finishReason: 2, promptTokens: 3, completionTokens: 4, cachedTokens: 5 };
const embedPromptTokens = 2;

/** The reader for the response of a vLLM gRPC call (protocol 3.4). Compressed frames are passed over. */
export function createGrpcUsageReader(method: "vllm-grpc-generate" | "vllm-grpc-embed"): UsageReader {
  return new GrpcUsageReader(method === "vllm-grpc-generate" ? new GenerateCounts() : new EmbedCounts());
}

/** What one message says; `visitor` is used for one message after the other. */
interface MessageCounts {
  readonly visitor: MessageVisitor;
  /** The counts since the last call, undefined when there were none. */
  take(): UsageBlock | undefined;
}

class GrpcUsageReader implements UsageReader {
  readonly #counts: MessageCounts;
  readonly #frames: GrpcFrames;
  #scanner: ProtoScanner | undefined;
  usage: Usage | undefined;

  constructor(counts: MessageCounts) {
    this.#counts = counts;
    this.#frames = new GrpcFrames({
      begin: (flags, length) => {
        this.#counts.take();
        this.#scanner = flags === 0 ? new ProtoScanner(length, this.#counts.visitor) : undefined;
        return true;
      },
      bytes: (source, from, to) => {
        this.#scanner?.push(source, from, to);
        return true;
      },
      end: () => {
        const block = this.#scanner?.isWhole === true ? this.#counts.take() : undefined;
        if (block !== undefined) this.usage = mergeUsage(this.usage, block);
      },
    });
  }

  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  end(): void {}
}

/**
 * Reads `GenerateResponse`. Two layouts are in use: vLLM's has chunks in field 2 and the complete message in field 3, its Rust
 * router's has them in 1 and 2. A chunk has a number where a complete message has its finish reason.
 */
class GenerateCounts implements MessageCounts {
  readonly #counts = new Map<number, number>();

  readonly visitor: MessageVisitor = {
    value: (field) => {
      if (field !== 2 && field !== 3) return undefined;
      this.#counts.clear();
      return { message: this.#part };
    },
  };

  readonly #part: MessageVisitor = {
    number: (field, value) => {
      if (field <= completeField.cachedTokens && Number.isSafeInteger(value)) this.#counts.set(field, value);
    },
  };

  take(): UsageBlock | undefined {
    const counts = new Map(this.#counts);
    this.#counts.clear();
    if (counts.size === 0 || counts.has(completeField.finishReason)) return undefined;
    return {
      prompt: counts.get(completeField.promptTokens),
      completion: counts.get(completeField.completionTokens) ?? 0,
      total: undefined,
      cached: counts.get(completeField.cachedTokens) ?? 0,
    };
  }
}

/** Reads `EmbedResponse`, whose count stands at the top or, in vLLM's layout, in the complete message of field 2. */
class EmbedCounts implements MessageCounts {
  #prompt: number | undefined;

  readonly #take = (field: number, value: number): void => {
    if (field === embedPromptTokens && Number.isSafeInteger(value)) this.#prompt = value;
  };

  readonly visitor: MessageVisitor = {
    number: this.#take,
    value: (field) => (field === 2 ? { message: { number: this.#take } } : undefined),
  };

  take(): UsageBlock | undefined {
    const prompt = this.#prompt;
    this.#prompt = undefined;
    return prompt === undefined ? undefined : { prompt, completion: 0, total: prompt, cached: undefined };
  }
}
