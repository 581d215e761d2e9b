import { ByteSink } from "./byte-sink.ts";
import type { ArrayVisitor, ObjectVisitor, StringTarget, ValueVisitor } from "./json-visitor.ts";
import { type BodyParser, maxSegments, type ParsedBody, promptCapBytes } from "./parsed-body.ts";
import { RequestFields } from "./request-fields.ts";

const missingPrompt = "must have prompt field";
const maxTokenId = 0xffff_ffff;

/**
 * Parser of `/v1/completions` bodies (protocol 3.3, 10.5). `prompt` is a string, a list of strings, a list of token
 * ids, or, as vLLM takes it too, a list of such lists. Token ids are flattened to 4 bytes each, little-endian: what
 * counts as one token elsewhere. A prompt of no bytes at all is refused (protocol 10.9).
 */
export function createCompletionsParser(): BodyParser {
  return new CompletionsParser();
}

/** What a list of prompts holds; a list holds one kind only. */
type ElementKind = "nothing" | "strings" | "token ids" | "lists";

class CompletionsParser implements BodyParser {
  readonly #fields = new RequestFields("completions");
  readonly #prompt = new ByteSink(promptCapBytes);
  readonly #tokenBytes = new Uint8Array(4);
  #starts: number[] = [];
  #kind: ElementKind = "nothing";
  #promptIsValid = true;

  readonly root: ObjectVisitor = { member: (key) => this.#member(key) };

  result(): ParsedBody {
    const fields = this.#fields;
    if (!this.#promptIsValid || this.#prompt.total === 0) fields.report(missingPrompt);
    if (fields.problem !== undefined) return { kind: "invalid", message: fields.problem };
    return {
      kind: "parsed",
      api: "completions",
      model: fields.model,
      modelRange: fields.modelRange,
      streaming: fields.streaming,
      maxOutputTokens: fields.bound("max_tokens"),
      cacheSalt: fields.cacheSalt,
      prompt: this.#prompt.toBytes(),
      promptBytes: this.#prompt.total,
      segments: this.#starts.length > 1 ? [...this.#starts.slice(1), this.#prompt.total] : [],
    };
  }

  #member(key: string): ValueVisitor | undefined {
    switch (key) {
      case "prompt":
        return this.#visitPrompt();
      case "max_tokens":
        return this.#fields.visitBound(key);
      default:
        return this.#fields.member(key);
    }
  }

  #visitPrompt(): ValueVisitor {
    this.#prompt.truncate(0);
    this.#starts = [];
    this.#kind = "nothing";
    this.#promptIsValid = true;
    return {
      string: () => this.#prompt,
      array: () => ({ element: () => this.#element }),
      null: () => undefined,
      mismatch: this.#refuse,
    };
  }

  readonly #refuse = (): void => {
    this.#promptIsValid = false;
  };

  readonly #element: ValueVisitor = {
    string: () => this.#beginText(),
    number: (value) => {
      this.#expectKind("token ids");
      this.#takeToken(value);
    },
    array: () => this.#beginTokenList(),
    mismatch: this.#refuse,
  };

  readonly #tokenList: ArrayVisitor = {
    element: () => this.#token,
  };

  readonly #token: ValueVisitor = {
    number: (value) => this.#takeToken(value),
    mismatch: this.#refuse,
  };

  #beginText(): StringTarget {
    this.#expectKind("strings");
    this.#beginSegment();
    return this.#prompt;
  }

  #beginTokenList(): ArrayVisitor {
    this.#expectKind("lists");
    this.#beginSegment();
    return this.#tokenList;
  }

  #expectKind(kind: ElementKind): void {
    if (this.#kind === "nothing") this.#kind = kind;
    if (this.#kind !== kind) this.#refuse();
  }

  #beginSegment(): void {
    if (this.#starts.length < maxSegments) this.#starts.push(this.#prompt.total);
  }

  #takeToken(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id > maxTokenId) return this.#refuse();
    const bytes = this.#tokenBytes;
    bytes[0] = id;
    bytes[1] = id >>> 8;
    bytes[2] = id >>> 16;
    bytes[3] = id >>> 24;
    this.#prompt.append(bytes, 0, 4);
  }
}
