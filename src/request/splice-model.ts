import type { ByteRange } from "./parsed-body.ts";

const openBrace = 0x7b;

/**
 * The body with another model name: `range`, the JSON string token of the model, is replaced by `model`; every other
 * byte stays, so key order and large integers survive (protocol 1.6). Chunks that are not touched are the same arrays,
 * the others views of them. Without a range the body, a JSON object that is not empty, gets the model as its first member.
 * Throws RangeError when the range is not within the body.
 */
export function spliceModel(chunks: readonly Uint8Array[], range: ByteRange | undefined, model: string): Uint8Array[] {
  if (range === undefined) return insertModel(chunks, model);
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

function insertModel(chunks: readonly Uint8Array[], model: string): Uint8Array[] {
  const index = chunks.findIndex((chunk) => chunk.includes(openBrace));
  const chunk = chunks[index];
  if (chunk === undefined) throw new RangeError('Cannot insert the model: no "{" in the body, expected a JSON object');
  const at = chunk.indexOf(openBrace) + 1;
  const member = Buffer.from(`"model":${JSON.stringify(model)},`);
  const parts = [chunk.subarray(0, at), member, chunk.subarray(at)].filter(({ length }) => length > 0);
  return chunks.toSpliced(index, 1, ...parts);
}
