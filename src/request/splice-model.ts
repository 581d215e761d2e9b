import type { ByteRange } from "./parsed-body.ts";

/**
 * The body with another model name: `range`, the JSON string token of the model, is replaced by `model`; every other
 * byte stays, so key order and large integers survive (protocol 1.6). Chunks that are not touched are the same arrays,
 * the others views of them. Throws RangeError when the range is not within the body.
 */
export function spliceModel(chunks: readonly Uint8Array[], range: ByteRange, model: string): Uint8Array[] {
  const spliced: Uint8Array[] = [];
  const add = (piece: Uint8Array): void => {
    if (piece.length > 0) spliced.push(piece);
  };
  let offset = 0;
  for (const chunk of chunks) {
    const end = offset + chunk.length;
    if (end <= range.start || offset >= range.end) {
      add(chunk);
    } else {
      add(chunk.subarray(0, Math.max(0, range.start - offset)));
      if (offset <= range.start) add(Buffer.from(JSON.stringify(model)));
      add(chunk.subarray(Math.min(chunk.length, range.end - offset)));
    }
    offset = end;
  }
  if (range.start < 0 || range.start >= range.end || range.end > offset) {
    throw new RangeError(
      `Cannot replace the model: bytes ${range.start} to ${range.end}, expected a range within 0 to ${offset}`,
    );
  }
  return spliced;
}
