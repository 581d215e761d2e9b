import { ByteSink } from "./byte-sink.ts";
import type { ObjectVisitor, ValueVisitor } from "./json-visitor.ts";
import { MessageReader } from "./chat-message.ts";
import { type BodyParser, type ParsedBody, promptCapBytes } from "./parsed-body.ts";
import { accept, RequestFields } from "./request-fields.ts";
import { ToolsReader } from "./tools-reader.ts";

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
  readonly #tools = new ToolsReader();
  readonly #message: MessageReader;
  #messages = 0;
  #messagesAreValid = true;

  readonly root: ObjectVisitor = { member: (key) => this.#member(key) };

  constructor() {
    this.#message = new MessageReader(this.#text, () => this.#refuse());
  }

  result(): ParsedBody {
    const fields = this.#fields;
    if (this.#messages === 0 || !this.#messagesAreValid) fields.report(missingMessages);
    const bytes = this.#text;
    this.#tools.placeBefore(bytes);
    return fields.read(
      "chat-completions",
      { bytes, segments: [] },
      fields.bound("max_completion_tokens", "max_tokens"),
    );
  }

  #member(key: string): ValueVisitor | undefined {
    switch (key) {
      case "messages":
        return this.#visitMessages();
      case "tools":
        return this.#fields.typed(key, "an array", this.#tools.visit());
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

  #refuse(): void {
    this.#messagesAreValid = false;
  }
}
