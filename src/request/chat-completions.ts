import { ByteSink } from "./byte-sink.ts";
import type { ObjectVisitor, ValueVisitor } from "./json-visitor.ts";
import { MessageReader } from "./chat-message.ts";
import { type BodyParser, type ParsedBody, promptCapBytes } from "./parsed-body.ts";
import { accept, RequestFields } from "./request-fields.ts";

const missingMessages = "must have valid messages field";

/**
 * Parser of `/v1/chat/completions` bodies (protocol 3.3). The prompt is the bytes of `tools` as the client wrote them
 * (nothing for an absent or empty list), then role and content of each message run together (protocol 6.7, 10.5).
 */
export function createChatCompletionsParser(): BodyParser {
  return new ChatCompletionsParser();
}

class ChatCompletionsParser implements BodyParser {
  readonly #fields = new RequestFields("chat completions");
  readonly #text = new ByteSink(promptCapBytes);
  readonly #tools = new ByteSink(promptCapBytes);
  readonly #message: MessageReader;
  #hasTools = false;
  #messages = 0;
  #messagesAreValid = true;

  readonly root: ObjectVisitor = { member: (key) => this.#member(key) };

  constructor() {
    this.#message = new MessageReader(this.#text, () => this.#refuse());
  }

  result(): ParsedBody {
    const fields = this.#fields;
    if (this.#messages === 0 || !this.#messagesAreValid) fields.report(missingMessages);
    if (fields.problem !== undefined) return { kind: "invalid", message: fields.problem };
    const text = this.#text;
    if (this.#hasTools) text.insert(0, this.#tools.view());
    return {
      kind: "parsed",
      api: "chat-completions",
      model: fields.model,
      modelRange: fields.modelRange,
      streaming: fields.streaming,
      maxOutputTokens: fields.bound("max_completion_tokens", "max_tokens"),
      cacheSalt: fields.cacheSalt,
      prompt: text.toBytes(),
      promptBytes: text.total + (this.#hasTools ? this.#tools.total - this.#tools.kept : 0),
      segments: [],
    };
  }

  #member(key: string): ValueVisitor | undefined {
    switch (key) {
      case "messages":
        return this.#visitMessages();
      case "tools":
        return this.#visitTools();
      case "max_tokens":
      case "max_completion_tokens":
        return this.#fields.visitBound(key);
      default:
        return this.#fields.member(key) ?? this.#visitOptional(key);
    }
  }

  /** Fields that only their type is looked at (protocol 3.3). */
  #visitOptional(key: string): ValueVisitor | undefined {
    switch (key) {
      case "documents":
        return this.#fields.typed(key, "an array", { array: accept });
      case "chat_template":
        return this.#fields.typed(key, "a string", { string: accept });
      case "chat_template_kwargs":
        return this.#fields.typed(key, "an object", { object: accept });
      case "add_generation_prompt":
      case "continue_final_message":
      case "return_assistant_tokens_mask":
        return this.#fields.typed(key, "a boolean", { boolean: accept });
      default:
        return undefined;
    }
  }

  #visitMessages(): ValueVisitor {
    this.#text.truncate(0);
    this.#messages = 0;
    this.#messagesAreValid = true;
    const refuse = (): void => this.#refuse();
    const element: ValueVisitor = {
      object: () => {
        this.#messages++;
        return this.#message.begin();
      },
      mismatch: refuse,
    };
    return { array: () => ({ element: () => element }), mismatch: refuse };
  }

  #visitTools(): ValueVisitor {
    this.#tools.truncate(0);
    this.#hasTools = false;
    return this.#fields.typed("tools", "an array", {
      raw: this.#tools,
      array: () => ({
        element: () => {
          this.#hasTools = true;
          return undefined;
        },
      }),
    });
  }

  #refuse(): void {
    this.#messagesAreValid = false;
  }
}
