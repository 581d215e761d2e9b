import { ByteSink } from "./byte-sink.ts";
import { ContentReader } from "./content-reader.ts";
import type { ArrayVisitor, ValueVisitor } from "./json-visitor.ts";
import { type BodyParser, promptCapBytes } from "./parsed-body.ts";
import { accept, RequestFields } from "./request-fields.ts";
import { ToolsReader } from "./tools-reader.ts";

/**
 * Parser of Anthropic's `/v1/messages` bodies (protocol 3.3). The prompt is the bytes of `tools` as the client wrote them,
 * then `system`, then the messages: what stays the same from turn to turn first, whatever the order in the body.
 */
export function createMessagesParser(): BodyParser {
  const fields = new RequestFields("messages");
  const tools = new ToolsReader();
  const system = new ByteSink(promptCapBytes);
  const messages = new ByteSink(promptCapBytes);
  const list = new MessageList(messages, () => fields.report("must have valid messages field"));
  const refuseSystem = (): void => fields.report('"system" must be a string or an array of blocks');
  const systemReader = new ContentReader(system, refuseSystem);
  const member = (key: string): ValueVisitor | undefined => {
    switch (key) {
      case "messages":
        return list.visit();
      case "system":
        system.truncate(0);
        return systemReader.textOrList;
      case "tools":
        return fields.typed(key, "an array", tools.visit());
      case "max_tokens":
        return fields.visitBound(key);
      default:
        return fields.member(key);
    }
  };
  return {
    root: { member },
    result: () => {
      if (list.count === 0) fields.report("must have at least one message");
      messages.prepend(system);
      tools.placeBefore(messages);
      return fields.read("messages", { bytes: messages, segments: [] }, fields.bound("max_tokens"));
    },
  };
}

/** Counts the messages on their way to the content reader. */
class MessageList {
  readonly #sink: ByteSink;
  readonly #refuse: () => void;
  readonly #array: ArrayVisitor;
  count = 0;

  constructor(sink: ByteSink, refuse: () => void) {
    this.#sink = sink;
    this.#refuse = refuse;
    const { list } = new ContentReader(sink, refuse);
    const object = (): ReturnType<NonNullable<ValueVisitor["object"]>> => list.element()?.object?.();
    const message: ValueVisitor = { object, mismatch: refuse };
    this.#array = {
      element: () => {
        this.count++;
        return message;
      },
    };
  }

  /** The visitor of the member; of a repeated one the last counts. */
  visit(): ValueVisitor {
    this.#sink.truncate(0);
    this.count = 0;
    return { array: () => this.#array, null: accept, mismatch: this.#refuse };
  }
}
