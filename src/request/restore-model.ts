import { asBuffer } from "./sse.ts";

const key = Buffer.from('"model":');
const noBytes: Buffer = Buffer.alloc(0);
const quote = 0x22;
const space = 0x20;

/**
 * Puts the model name that the client asked for back into response bytes: the value of `"model":"<target>"`, also with
 * one space behind the colon, wherever it stands (protocol 1.7, case B10). Text that quotes such a member has its quotes
 * escaped and does not match. What may be the beginning of a match at the end of a chunk is held back until the next.
 */
export class ModelRestorer {
  /** False when there is nothing to restore: names equal, or one empty. Chunks then pass as they are. */
  readonly isActive: boolean;
  readonly #value: Buffer;
  readonly #replacement: Buffer;
  readonly #needles: readonly Buffer[];
  #held = noBytes;

  /** `targetModel`: the name in the response; `model`: the name that takes its place. */
  constructor(targetModel: string, model: string) {
    this.isActive = targetModel !== "" && model !== "" && targetModel !== model;
    this.#value = Buffer.from(JSON.stringify(targetModel));
    this.#replacement = Buffer.from(JSON.stringify(model));
    this.#needles = ["", " "].map((gap) => Buffer.concat([key, Buffer.from(gap), this.#value]));
  }

  /** What can go out of the response so far; the same array when it is the chunk unchanged, and possibly empty. */
  push(chunk: Uint8Array): Uint8Array {
    if (!this.isActive) return chunk;
    const data = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : asBuffer(chunk);
    const pieces: Buffer[] = [];
    const from = this.#replaceAll(data, pieces);
    const end = this.#holdFrom(data, from);
    this.#held = end < data.length ? Buffer.from(data.subarray(end)) : noBytes;
    if (pieces.length === 0) return data.length === chunk.length && end === data.length ? chunk : data.subarray(0, end);
    return Buffer.concat([...pieces, data.subarray(from, end)]);
  }

  /** What was held back; the response has ended. */
  end(): Uint8Array {
    const held = this.#held;
    this.#held = noBytes;
    return held;
  }

  /** Adds what goes out up to and with the last match to `pieces`; returns the index behind it. */
  #replaceAll(data: Buffer, pieces: Buffer[]): number {
    let from = 0;
    for (let at = data.indexOf(key); at >= 0; at = data.indexOf(key, Math.max(from, at + 1))) {
      const value = at + key.length + (data[at + key.length] === space ? 1 : 0);
      const end = value + this.#value.length;
      if (end > data.length || this.#value.compare(data, value, end) !== 0) continue;
      pieces.push(data.subarray(from, value), this.#replacement);
      from = end;
    }
    return from;
  }

  /** Index from which `data` may be the beginning of a match; its length when no end of it is. */
  #holdFrom(data: Buffer, from: number): number {
    const longest = (this.#needles[1]?.length ?? 0) - 1;
    let at = data.indexOf(quote, Math.max(from, data.length - longest));
    for (; at >= 0; at = data.indexOf(quote, at + 1)) {
      const length = data.length - at;
      const isBeginning = this.#needles.some(
        (needle) => length < needle.length && needle.compare(data, at, data.length, 0, length) === 0,
      );
      if (isBeginning) return at;
    }
    return data.length;
  }
}
