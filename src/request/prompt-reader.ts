import { ByteSink } from "./byte-sink.ts";
import type { ArrayVisitor, StringTarget, ValueVisitor } from "./json-visitor.ts";
import { maxSegments, promptCapBytes } from "./parsed-body.ts";
import { appendTokenId } from "./token-ids.ts";

/** How a prompt may be written: text, a list of texts, a list of token ids, a list of such lists. */
export type PromptForm = "text" | "texts" | "token ids" | "token id lists";

/** Every form. */
export const anyPrompt: readonly PromptForm[] = ["text", "texts", "token ids", "token id lists"];

/** A flattened prompt: bytes, and where each of several prompts ends (ReadBody.segments). */
export interface Prompt {
  readonly bytes: ByteSink;
  readonly segments: readonly number[];
}

/**
 * Reads one member that holds a prompt or a list of prompts (protocol 3.3, 10.5). Token ids are flattened to 4 bytes each,
 * little-endian. A list holds one form only. Of a repeated member the last counts.
 */
export class PromptReader implements Prompt {
  readonly bytes = new ByteSink(promptCapBytes);
  readonly #forms: readonly PromptForm[];
  #starts: number[] = [];
  #form: PromptForm | undefined;
  #isPresent = false;
  #isValid = true;

  constructor(forms: readonly PromptForm[]) {
    this.#forms = forms;
  }

  /** The member was there and not null. */
  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** No part of the member was of another type or form. */
  get isValid(): boolean {
    return this.#isValid;
  }

  get segments(): readonly number[] {
    return this.#starts.length > 1 ? [...this.#starts.slice(1), this.bytes.total] : [];
  }

  /** The visitor of the member. */
  visit(): ValueVisitor {
    this.bytes.truncate(0);
    this.#starts = [];
    this.#form = undefined;
    this.#isPresent = true;
    this.#isValid = true;
    return {
      string: () => this.#begin("text"),
      array: () => ({ element: () => this.#element }),
      null: () => {
        this.#isPresent = false;
      },
      mismatch: this.#refuse,
    };
  }

  readonly #refuse = (): void => {
    this.#isValid = false;
  };

  readonly #element: ValueVisitor = {
    string: () => this.#begin("texts"),
    number: (value) => {
      this.#expect("token ids");
      this.#takeToken(value);
    },
    array: () => {
      this.#begin("token id lists");
      return this.#tokens;
    },
    mismatch: this.#refuse,
  };

  readonly #token: ValueVisitor = {
    number: (value) => this.#takeToken(value),
    mismatch: this.#refuse,
  };

  readonly #tokens: ArrayVisitor = { element: () => this.#token };

  #begin(form: PromptForm): StringTarget {
    this.#expect(form);
    if (this.#starts.length < maxSegments) this.#starts.push(this.bytes.total);
    return this.bytes;
  }

  #expect(form: PromptForm): void {
    this.#form ??= form;
    if (this.#form !== form || !this.#forms.includes(form)) this.#refuse();
  }

  #takeToken(id: number): void {
    if (!appendTokenId(this.bytes, id)) this.#refuse();
  }
}
