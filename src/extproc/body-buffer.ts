/** Largest body of one answer in bytes, both directions (protocol 1.3). */
export const maxAnswerBytes = 62_000;

/** So many pieces are kept as they are; most bodies have no more. */
const keptPieces = 16;
/** Shorter pieces behind them are copied together: what is kept of a piece besides its bytes would be many times as much (reliability F48). */
const shortBytes = 4096;
/** Room for short pieces. */
const blockBytes = 4 * shortBytes;

/** A body as it arrives: a list of chunks, joined by nobody. Many short pieces are kept together, all others as they are. */
export class BodyBuffer {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  /** Takes short pieces; its used part is the last chunk. */
  #block: Buffer | undefined;
  #used = 0;

  /** Total bytes appended. */
  get length(): number {
    return this.#length;
  }

  /** The chunks in order. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    if (piece.length < shortBytes && this.#chunks.length >= keptPieces) return this.#appendShort(piece);
    this.#chunks.push(piece);
    this.#block = undefined;
  }

  #appendShort(piece: Uint8Array): void {
    if (this.#block === undefined || this.#used + piece.length > blockBytes) {
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#used = 0;
      this.#chunks.push(noBytes);
    }
    this.#block.set(piece, this.#used);
    this.#used += piece.length;
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#used);
  }
}

const noBytes = new Uint8Array(0);

/**
 * Cuts a body into answers of `maxBytes`, only the last one shorter: N bytes give ceil(N / maxBytes) slices, no bytes give
 * one empty slice. A slice inside one chunk is a view, one across chunks a copy.
 */
export function sliceBody(chunks: readonly Uint8Array[], maxBytes = maxAnswerBytes): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let room = maxBytes;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + room);
      parts.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      slices.push(join(parts));
      parts = [];
      room = maxBytes;
    }
  }
  if (parts.length > 0 || slices.length === 0) slices.push(join(parts));
  return slices;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}
