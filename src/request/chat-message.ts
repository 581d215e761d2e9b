import type { ByteSink, ByteTarget } from "./byte-sink.ts";
import type { ArrayVisitor, ObjectVisitor, StringTarget, ValueVisitor } from "./json-visitor.ts";
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
  #start = 0;
  #role: Uint8Array | undefined;
  #roleIsPlaced = false;
  readonly #block: BlockReader;

  /** `refuse` is called for every message or part of one that is not of the API's shape. */
  constructor(sink: ByteSink, refuse: () => void) {
    this.#sink = sink;
    this.#refuse = refuse;
    this.#block = new BlockReader(sink, refuse);
  }

  /** The visitor of the next message. */
  begin(): ObjectVisitor {
    this.#start = this.#sink.total;
    this.#role = undefined;
    this.#roleIsPlaced = false;
    return this.#members;
  }

  readonly #members: ObjectVisitor = {
    member: (key) => this.#member(key),
    end: () => {
      if (this.#role !== undefined && !this.#roleIsPlaced) this.#sink.insert(this.#start, this.#role);
    },
  };

  #member(key: string): ValueVisitor | undefined {
    const mismatch = this.#refuse;
    switch (key) {
      case "role":
        return { string: this.#readRole, null: accept, mismatch };
      case "content":
        return {
          string: () => this.#beginContent(),
          array: () => this.#beginBlocks(),
          null: () => void this.#beginContent(),
          mismatch,
        };
      case "tool_calls":
        return { array: accept, null: accept, mismatch };
      default:
        return undefined;
    }
  }

  readonly #readRole = shortText(maxRoleBytes, ({ text, altered }) => {
    // A second role behind the content would have to replace the placed one: no client means that.
    if (altered || this.#roleIsPlaced) this.#refuse();
    this.#role = Buffer.from(text);
  });

  /** Of a repeated content the last counts. */
  #beginContent(): StringTarget {
    const sink = this.#sink;
    sink.truncate(this.#start);
    if (this.#role !== undefined) {
      sink.append(this.#role, 0, this.#role.length);
      this.#roleIsPlaced = true;
    }
    return sink;
  }

  #beginBlocks(): ArrayVisitor {
    const sink = this.#beginContent();
    const element: ValueVisitor = {
      object: () => this.#block.begin(),
      string: () => sink,
      mismatch: this.#refuse,
    };
    return { element: () => element };
  }
}

/** Reads one block of a message's content. */
class BlockReader {
  readonly #sink: ByteSink;
  readonly #refuse: () => void;
  readonly #hash = new HashTarget();
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
      const placeholder = Buffer.from(`<${this.#type}:${this.#hash.hex()}>`);
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

/** FNV-1a, 32 bit: tells images apart for cache affinity, nothing more. */
class HashTarget implements ByteTarget {
  #value = 0;

  reset(): void {
    this.#value = 0x811c9dc5;
  }

  append(source: Uint8Array, from: number, to: number): void {
    let value = this.#value;
    for (let i = from; i < to; i++) value = Math.imul(value ^ (source[i] as number), 0x01000193);
    this.#value = value;
  }

  hex(): string {
    return (this.#value >>> 0).toString(16).padStart(8, "0");
  }
}
