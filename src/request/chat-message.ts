import { ByteSink } from "./byte-sink.ts";
import { ContentHash } from "./content-hash.ts";
import type { ArrayVisitor, ObjectVisitor, ValueVisitor } from "./json-visitor.ts";
import { accept, shortText } from "./request-fields.ts";

const maxRoleBytes = 256;
const maxTypeBytes = 64;

/**
 * Reads the messages of a chat one after the other and appends role, then content, of each to a sink, whichever of the
 * two comes first in the body. Content is a string or a list of blocks. A text block (or a bare string in the list)
 * gives its text; any other gives `<type:hash>`, the hash of its bytes, so that the same image has the same place in a
 * prefix and another one has not. `null` for role, content or tool calls counts as absent.
 */
export class MessageReader {
  readonly #sink: ByteSink;
  readonly #refuse: () => void;
  readonly #role = new ByteSink(maxRoleBytes);
  readonly #block: BlockReader;
  readonly #members: ObjectVisitor;
  #start = 0;
  #roleIsPlaced = false;

  /** `refuse` is called for every message or part of one that is not of the API's shape. */
  constructor(sink: ByteSink, refuse: () => void) {
    this.#sink = sink;
    this.#refuse = refuse;
    this.#block = new BlockReader(sink, refuse);
    const visitors = this.#createVisitors();
    this.#members = { member: (key) => visitors.get(key), end: () => this.#end() };
  }

  /** The visitor of the next message. */
  begin(): ObjectVisitor {
    this.#start = this.#sink.total;
    this.#role.truncate(0);
    this.#roleIsPlaced = false;
    return this.#members;
  }

  #createVisitors(): Map<string, ValueVisitor> {
    const mismatch = this.#refuse;
    const part: ValueVisitor = { object: () => this.#block.begin(), string: () => this.#sink, mismatch };
    const parts: ArrayVisitor = { element: () => part };
    const content: ValueVisitor = {
      string: () => this.#beginContent(),
      array: () => {
        this.#beginContent();
        return parts;
      },
      null: () => void this.#beginContent(),
      mismatch,
    };
    return new Map([
      ["role", { string: () => this.#beginRole(), null: accept, mismatch }],
      ["content", content],
      ["tool_calls", { array: accept, null: accept, mismatch }],
    ]);
  }

  #beginRole(): ByteSink {
    // A second role behind the content would have to replace the placed one: no client means that.
    if (this.#roleIsPlaced) this.#refuse();
    this.#role.truncate(0);
    return this.#role;
  }

  /** Of a repeated content the last counts. */
  #beginContent(): ByteSink {
    const sink = this.#sink;
    const role = this.#role;
    sink.truncate(this.#start);
    sink.append(role.view(), 0, role.kept);
    this.#roleIsPlaced = role.total > 0;
    return sink;
  }

  #end(): void {
    if (this.#role.total > maxRoleBytes) this.#refuse();
    if (!this.#roleIsPlaced) this.#sink.insert(this.#start, this.#role.view());
  }
}

/** Reads one block of a message's content. */
class BlockReader {
  readonly #sink: ByteSink;
  readonly #refuse: () => void;
  readonly #hash = new ContentHash();
  #type = "block";
  #hasText = false;

  constructor(sink: ByteSink, refuse: () => void) {
    this.#sink = sink;
    this.#refuse = refuse;
  }

  begin(): ObjectVisitor {
    this.#type = "block";
    this.#hasText = false;
    this.#hash.reset();
    return this.#members;
  }

  readonly #members: ObjectVisitor = {
    member: (key) => {
      if (key === "type") return this.#typeVisitor;
      return key === "text" ? this.#textVisitor : this.#otherVisitor;
    },
    end: () => {
      if (this.#hasText || this.#type === "text") return;
      const placeholder = this.#hash.placeholder(this.#type);
      this.#sink.append(placeholder, 0, placeholder.length);
    },
  };

  readonly #typeVisitor: ValueVisitor = {
    string: shortText(maxTypeBytes, ({ text }) => {
      this.#type = text;
    }),
    mismatch: () => this.#refuse(),
  };

  readonly #textVisitor: ValueVisitor = {
    string: () => {
      this.#hasText = true;
      return this.#sink;
    },
    null: accept,
    mismatch: () => this.#refuse(),
  };

  readonly #otherVisitor: ValueVisitor = {
    raw: this.#hash,
    object: accept,
    array: accept,
    string: accept,
    number: accept,
    boolean: accept,
    null: accept,
  };
}
