import type { ByteSink } from "./byte-sink.ts";
import { ContentHash } from "./content-hash.ts";
import type { ArrayVisitor, ObjectVisitor, ValueVisitor } from "./json-visitor.ts";
import { accept, shortText } from "./request-fields.ts";

const maxTypeBytes = 64;

/** Members whose text the model reads: a string, or a list of strings and nodes, or one node. */
const textMembers: ReadonlySet<string> = new Set([
  "content",
  "text",
  "refusal",
  "thinking",
  "summary",
  "name",
  "arguments",
  "output",
]);
/** Members whose JSON the model reads as it stands. */
const jsonMembers: ReadonlySet<string> = new Set(["input", "parameters"]);
/** Members the model does not read: they may differ from turn to turn without a change of the prompt. */
const ignoredMembers: ReadonlySet<string> = new Set([
  "id",
  "call_id",
  "tool_use_id",
  "status",
  "index",
  "cache_control",
  "signature",
  "encrypted_content",
  "annotations",
  "logprobs",
]);

/**
 * Flattens messages, items and blocks of the Anthropic, responses and conversations APIs for prefix matching: the texts of
 * a node, in the order of the body, run together; what is no text (an image, a file) is one `<type:hash>` at the node's end,
 * the hash over its bytes. The same history written by the same client is the same prefix, whatever comes behind it.
 */
export class ContentReader {
  readonly #nodes: NodeReader[] = [];
  readonly #role: ValueVisitor;
  #depth = 0;

  /** A list of messages, items or blocks, or one, or a string: what the content of each may be too. */
  readonly content: ValueVisitor;
  /** The same without one alone. */
  readonly textOrList: ValueVisitor;
  /** A list of messages or items. */
  readonly list: ArrayVisitor;

  /** Text goes to `sink`. `refuse` is called for values of a type that their place does not allow; they are skipped. */
  constructor(sink: ByteSink, refuse: () => void = accept) {
    const text = (): ByteSink => sink;
    const object = (): ObjectVisitor => this.#begin(sink);
    const element: ValueVisitor = { string: text, object, mismatch: refuse };
    this.list = { element: () => element };
    const array = (): ArrayVisitor => this.list;
    this.textOrList = { string: text, array, null: accept, mismatch: refuse };
    this.#role = { string: text, null: accept, mismatch: refuse };
    this.content = { ...this.textOrList, object };
  }

  #begin(sink: ByteSink): ObjectVisitor {
    const node = (this.#nodes[this.#depth] ??= new NodeReader(sink, this.#role, this.content, () => this.#depth--));
    this.#depth++;
    return node.begin();
  }
}

/** Reads the objects of one depth, one after the other. */
class NodeReader {
  readonly #hash = new ContentHash();
  readonly #members: ObjectVisitor;
  #type = "item";
  #hasOther = false;

  constructor(sink: ByteSink, role: ValueVisitor, content: ValueVisitor, ended: () => void) {
    const type: ValueVisitor = {
      string: shortText(maxTypeBytes, ({ text }) => {
        this.#type = text;
      }),
    };
    const json: ValueVisitor = { raw: sink };
    const other: ValueVisitor = { raw: this.#hash };
    this.#members = {
      member: (key) => {
        if (key === "type") return type;
        if (key === "role") return role;
        if (textMembers.has(key)) return content;
        if (jsonMembers.has(key)) return json;
        if (ignoredMembers.has(key)) return undefined;
        this.#hasOther = true;
        return other;
      },
      end: () => {
        ended();
        if (!this.#hasOther) return;
        const placeholder = this.#hash.placeholder(this.#type);
        sink.append(placeholder, 0, placeholder.length);
      },
    };
  }

  begin(): ObjectVisitor {
    this.#type = "item";
    this.#hasOther = false;
    this.#hash.reset();
    return this.#members;
  }
}
