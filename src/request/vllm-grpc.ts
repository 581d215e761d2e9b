import type { Api } from "./apis.ts";
import { ByteSink } from "./byte-sink.ts";
import { GrpcFrames } from "./grpc-frames.ts";
import { type BodyReader, type ParsedBody, promptCapBytes } from "./parsed-body.ts";
import { type MessageVisitor, ProtoScanner } from "./proto-scanner.ts";
import { appendTokenId } from "./token-ids.ts";

const invalid: ParsedBody = { kind: "invalid", message: "invalid or unsupported gRPC payload" };

/** Fields of `vllm.grpc.engine`, vllm_engine.proto of vLLM and of its Rust router, which agree on requests. */
const generateField = { tokenized: 2, text: 3, samplingParams: 4, stream: 5 };
const embedField = { tokenized: 2 };
const tokenizedField = { inputIds: 2 };
const samplingField = { maxTokens: 8 };

/**
 * Reads the body of a vLLM gRPC call (protocol 3.3): one plain frame with one message. The prompt is the token ids or the
 * text; a message without either is the model server's to refuse. The bytes are forwarded as they came, and name no model.
 */
export function createVllmGrpcReader(api: "vllm-grpc-generate" | "vllm-grpc-embed"): BodyReader {
  const message = new VllmMessage(api);
  const visitor = api === "vllm-grpc-generate" ? message.generate : message.embed;
  let scanner: ProtoScanner | undefined;
  const frames = new GrpcFrames({
    begin: (flags, length) => {
      // A second frame has no place in a call of one message.
      if (flags !== 0 || scanner !== undefined) return false;
      scanner = new ProtoScanner(length, visitor);
      return true;
    },
    bytes: (source, from, to) => scanner?.push(source, from, to) === true,
    end: () => {},
  });
  let isReadable = true;
  return {
    api,
    push: (chunk) => {
      isReadable = isReadable && frames.push(chunk);
      return isReadable;
    },
    end: () => (isReadable && frames.isAtBorder && scanner?.isWhole === true ? message.result() : invalid),
  };
}

class VllmMessage {
  readonly #api: Api;
  readonly #prompt = new ByteSink(promptCapBytes);
  #input: "text" | "tokenized" | undefined;
  #streaming = false;
  #maxTokens: number | undefined;

  constructor(api: Api) {
    this.#api = api;
  }

  readonly generate: MessageVisitor = {
    number: (field, value) => {
      if (field === generateField.stream) this.#streaming = value !== 0;
    },
    value: (field) => {
      switch (field) {
        case generateField.tokenized:
          return this.#beginTokenized();
        case generateField.text:
          this.#input = "text";
          this.#prompt.truncate(0);
          return { bytes: this.#prompt };
        case generateField.samplingParams:
          return { message: this.#sampling };
        default:
          return undefined;
      }
    },
  };

  readonly embed: MessageVisitor = {
    value: (field) => (field === embedField.tokenized ? this.#beginTokenized() : undefined),
  };

  result(): ParsedBody {
    return {
      kind: "parsed",
      api: this.#api,
      model: "",
      modelRange: undefined,
      streaming: this.#streaming,
      maxOutputTokens: this.#maxTokens,
      cacheSalt: "",
      prompt: this.#prompt.toBytes(),
      promptBytes: this.#prompt.total,
      segments: [],
    };
  }

  /** Text and tokens are one choice, of which the last counts; messages of the same field are joined. */
  #beginTokenized(): { message: MessageVisitor } {
    if (this.#input === "text") this.#prompt.truncate(0);
    this.#input = "tokenized";
    return { message: this.#tokenized };
  }

  readonly #tokenized: MessageVisitor = {
    number: (field, value) => {
      if (field === tokenizedField.inputIds) this.#takeToken(value);
    },
    value: (field) => (field === tokenizedField.inputIds ? { packed: (value) => this.#takeToken(value) } : undefined),
  };

  readonly #sampling: MessageVisitor = {
    number: (field, value) => {
      if (field === samplingField.maxTokens) this.#maxTokens = value % 2 ** 32;
    },
  };

  #takeToken(value: number): void {
    appendTokenId(this.#prompt, value % 2 ** 32);
  }
}
