import type { ByteSink } from "./byte-sink.ts";

const maxTokenId = 0xffff_ffff;
const bytes = new Uint8Array(4);

/** Appends a token id as 4 bytes, little-endian: what counts as one token elsewhere. False when it is no id. */
export function appendTokenId(sink: ByteSink, id: number): boolean {
  if (!Number.isInteger(id) || id < 0 || id > maxTokenId) return false;
  bytes[0] = id;
  bytes[1] = id >>> 8;
  bytes[2] = id >>> 16;
  bytes[3] = id >>> 24;
  sink.append(bytes, 0, 4);
  return true;
}
