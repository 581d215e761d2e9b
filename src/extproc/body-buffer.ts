/** Largest body of one answer in bytes, both directions (protocol 1.3). */
export const maxAnswerBytes = 62_000;

/** A body as it arrives: a list of chunks, joined by nobody. */
export class BodyBuffer {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Total bytes appended. */
  get length(): number {
    return this.#length;
  }

  /** The chunks in order. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }
}

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
