import { ByteSink } from "./byte-sink.ts";

const lineFeed = 0x0a;

/** The same bytes as a Buffer, whose searches run natively. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Finds the lines of an event stream that contain a marker, cut anywhere. Lines without it cost one native search a
 * chunk; only what follows the last line end of a chunk is copied. A line above `maxLineBytes` that is cut by a chunk
 * is skipped.
 */
export class MarkedLines {
  readonly #marker: Buffer;
  readonly #maxLineBytes: number;
  readonly #take: (line: Buffer) => void;
  readonly #rest: ByteSink;

  /** `take` gets each line without its line feed; the bytes are only valid during the call. */
  constructor(marker: string, maxLineBytes: number, take: (line: Buffer) => void) {
    this.#marker = Buffer.from(marker);
    this.#maxLineBytes = maxLineBytes;
    this.#take = take;
    this.#rest = new ByteSink(maxLineBytes);
  }

  push(bytes: Uint8Array): void {
    const chunk = asBuffer(bytes);
    const from = this.#rest.total > 0 ? this.#finishRest(chunk) : 0;
    const end = chunk.lastIndexOf(lineFeed) + 1;
    if (end > from) this.#scanLines(chunk, from, end);
    const rest = Math.max(from, end);
    if (rest < chunk.length) this.#rest.append(chunk, rest, chunk.length);
  }

  /** Takes a last line without a line end. */
  end(): void {
    this.#takeRest();
  }

  /** Completes the line cut by the last chunk; returns where the next one begins, or the chunk's length. */
  #finishRest(chunk: Buffer): number {
    const end = chunk.indexOf(lineFeed);
    if (end < 0) {
      this.#rest.append(chunk, 0, chunk.length);
      return chunk.length;
    }
    this.#rest.append(chunk, 0, end);
    this.#takeRest();
    return end + 1;
  }

  #takeRest(): void {
    const line = asBuffer(this.#rest.view());
    const isWhole = this.#rest.total <= this.#maxLineBytes;
    this.#rest.truncate(0);
    if (isWhole && line.includes(this.#marker)) this.#take(line);
  }

  /** `[from, end)` holds whole lines. */
  #scanLines(chunk: Buffer, from: number, end: number): void {
    let at = chunk.indexOf(this.#marker, from);
    while (at >= 0 && at < end) {
      const lineStart = chunk.lastIndexOf(lineFeed, at) + 1;
      const lineEnd = chunk.indexOf(lineFeed, at);
      this.#take(chunk.subarray(Math.max(from, lineStart), lineEnd));
      at = chunk.indexOf(this.#marker, lineEnd);
    }
  }
}
