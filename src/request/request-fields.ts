import { ByteSink } from "./byte-sink.ts";
import type { JsonType, StringTarget, ValueVisitor } from "./json-visitor.ts";
import type { Api } from "./apis.ts";
import type { ByteRange, ParsedBody } from "./parsed-body.ts";
import type { Prompt } from "./prompt-reader.ts";

/** Longest `model` and `cache_salt` accepted, in bytes: above the longest file path, which a model may be. */
const maxNameBytes = 4096;

/** A short string that was read whole. */
export interface ShortText {
  readonly text: string;
  readonly range: ByteRange;
  /** It was longer than the cap, or had an escaped lone surrogate: `text` is not what the client wrote. */
  readonly altered: boolean;
}

/** A `string` method that collects up to `capBytes` and hands the text on when it ends; for one string at a time. */
export function shortText(capBytes: number, take: (found: ShortText) => void): (start: number) => StringTarget {
  const sink = new ByteSink(capBytes);
  let start = 0;
  const target: StringTarget = {
    append: (source, from, to) => sink.append(source, from, to),
    end: (end, replaced) => {
      take({ text: sink.text(), range: { start, end }, altered: replaced || sink.total > capBytes });
    },
  };
  return (stringStart) => {
    sink.truncate(0);
    start = stringStart;
    return target;
  };
}

/** Takes the value and looks no closer. */
export const accept = (): undefined => undefined;

/**
 * What the APIs have in common: `model`, `stream`, `cache_salt`, output bounds, and the first problem with the
 * type of a field. Of a repeated key the last counts, except `model`, which may stand only once (reliability T08).
 */
export class RequestFields {
  readonly #label: string;
  readonly #bounds = new Map<string, number>();
  #problem: string | undefined;
  #modelSeen = false;
  model = "";
  modelRange: ByteRange | undefined;
  streaming = false;
  cacheSalt = "";

  /** `label` names the API in messages: `invalid <label> request: ...`. */
  constructor(label: string) {
    this.#label = label;
  }

  /** Notes what is wrong with the request; only the first is kept. */
  report(detail: string): void {
    this.#problem ??= `invalid ${this.#label} request: ${detail}`;
  }

  /** Wraps a visitor so that a value of a type it does not take is a problem. null counts as absent. */
  typed(key: string, expected: JsonType, visitor: ValueVisitor): ValueVisitor {
    return {
      null: accept,
      ...visitor,
      mismatch: (found) => this.report(`"${key}" must be ${expected}, found ${found}`),
    };
  }

  /** The visitor of a member that all APIs have; undefined for other keys. */
  member(key: string): ValueVisitor | undefined {
    switch (key) {
      case "model":
        return this.#visitModel();
      case "stream":
        return this.typed(key, "a boolean", {
          boolean: (value) => this.#setStreaming(value),
          null: () => this.#setStreaming(false),
        });
      case "cache_salt":
        return this.visitSalt(key);
      default:
        return undefined;
    }
  }

  /** A member that keeps cached prompts apart; `more` says what else than a string is no problem. */
  visitSalt(key: string, more: ValueVisitor = {}): ValueVisitor {
    return this.typed(key, "a string", {
      ...more,
      string: shortText(maxNameBytes, (found) => this.#takeSalt(key, found)),
      null: () => this.#setSalt(""),
    });
  }

  /** A bound of generated tokens. Only integers from 0 count; anything else is left to the model server. */
  visitBound(key: string): ValueVisitor {
    const forget = (): void => void this.#bounds.delete(key);
    return {
      number: (value) => {
        if (Number.isSafeInteger(value) && value >= 0) this.#bounds.set(key, value);
        else forget();
      },
      mismatch: forget,
    };
  }

  /** An object with the bound `key`; any other value, which the model server may take, has none. */
  visitBoundWithin(key: string): ValueVisitor {
    this.#bounds.delete(key);
    return { object: () => ({ member: (name) => (name === key ? this.visitBound(key) : undefined) }) };
  }

  /** The first of `keys` that has a bound. */
  bound(...keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const value = this.#bounds.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** What was understood, or the first problem. Tokens are bounded by `maxOutputTokens`. */
  read(api: Api, { bytes, segments }: Prompt, maxOutputTokens?: number): ParsedBody {
    if (this.#problem !== undefined) return { kind: "invalid", message: this.#problem };
    return {
      kind: "parsed",
      api,
      model: this.model,
      modelRange: this.modelRange,
      streaming: this.streaming,
      maxOutputTokens,
      cacheSalt: this.cacheSalt,
      prompt: bytes.toBytes(),
      promptBytes: bytes.total,
      segments,
    };
  }

  #visitModel(): ValueVisitor {
    if (this.#modelSeen) this.report('"model" must be given once');
    this.#modelSeen = true;
    return {
      string: shortText(maxNameBytes, ({ text, range, altered }) => {
        if (altered) this.report(`"model" must be text of at most ${maxNameBytes} bytes`);
        this.model = text;
        this.modelRange = range;
      }),
      mismatch: (found) => this.report(`"model" must be a string, found ${found}`),
    };
  }

  #setStreaming(value: boolean): void {
    this.streaming = value;
  }

  #setSalt(value: string): void {
    this.cacheSalt = value;
  }

  #takeSalt(key: string, { text, altered }: ShortText): void {
    if (altered) this.report(`"${key}" must be text of at most ${maxNameBytes} bytes`);
    this.#setSalt(text);
  }
}
