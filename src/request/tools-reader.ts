import { ByteSink } from "./byte-sink.ts";
import type { ValueVisitor } from "./json-visitor.ts";
import { promptCapBytes } from "./parsed-body.ts";

/** Reads a list of tools: its bytes as the client wrote them belong to the prompt, before all else. */
export class ToolsReader {
  readonly #bytes = new ByteSink(promptCapBytes);
  #hasTools = false;

  /** The visitor of the member, for lists; of a repeated one the last counts. */
  visit(): ValueVisitor {
    this.#bytes.truncate(0);
    this.#hasTools = false;
    return {
      raw: this.#bytes,
      array: () => ({
        element: () => {
          this.#hasTools = true;
          return undefined;
        },
      }),
    };
  }

  /** Puts the tools before `text`; nothing when there are none, or an empty list. */
  placeBefore(text: ByteSink): void {
    if (this.#hasTools) text.prepend(this.#bytes);
  }
}
