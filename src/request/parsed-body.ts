import type { Api } from "./apis.ts";
import type { ObjectVisitor } from "./json-visitor.ts";

/** Bytes `[start, end)` of a body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A body that was understood: plain, structured-cloneable data. */
export interface ReadBody {
  readonly kind: "parsed";
  readonly api: Api;
  /** "" when the body names none. */
  readonly model: string;
  /** Where the model's JSON string stands in the body, quotes included; undefined when there is none. */
  readonly modelRange: ByteRange | undefined;
  readonly streaming: boolean;
  /** Upper bound of generated tokens; undefined when the body names none that counts (protocol 3.3). */
  readonly maxOutputTokens: number | undefined;
  /** "" when absent. */
  readonly cacheSalt: string;
  /** The flattened prompt as UTF-8, its first `promptCapBytes` bytes. */
  readonly prompt: Uint8Array;
  /** Length of the whole flattened prompt in bytes. */
  readonly promptBytes: number;
  /**
   * Where each prompt of a list of several ends in the flattened prompt, in order, the last equal to `promptBytes`;
   * empty for a single prompt. At most `maxSegments`: what comes later is counted to the last one.
   */
  readonly segments: readonly number[];
}

/** What became of a body. The message of an invalid one has no content of a prompt; its status is 400. */
export type ParsedBody = ReadBody | { readonly kind: "invalid"; readonly message: string };

/** Bytes of a prompt that are kept: 131072 tokens of 4 bytes, the most a prefix match looks at (protocol 6.7). */
export const promptCapBytes = 131_072 * 4;

/** Prompts of one list that are kept apart: each costs a look-up an endpoint. */
export const maxSegments = 128;

/** The part of a reader that knows one API. */
export interface BodyParser {
  /** Takes the members of the body. */
  readonly root: ObjectVisitor;
  /** To be called once, after the document ended and was acceptable JSON. */
  result(): ParsedBody;
}

/** Reads one request body, piece by piece, without keeping it. */
export interface BodyReader {
  readonly api: Api;
  /** Takes the next piece, cut anywhere. False once the body is known to be invalid; later pieces are then ignored. */
  push(chunk: Uint8Array): boolean;
  /** Ends the body and says what was understood; after a push that gave false, what is wrong. To be called once. */
  end(): ParsedBody;
}
