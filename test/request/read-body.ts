import assert from "node:assert/strict";
import { requestParsers } from "../../src/request/apis.ts";
import { createBodyReader } from "../../src/request/body-reader.ts";
import type { ParsedBody, ReadBody } from "../../src/request/parsed-body.ts";

const everyParser = requestParsers.map(({ type }) => type);

/** What the reader of a path makes of a body in pieces; like the picker it stops at the first piece that is refused. */
export function readPieces(path: string, pieces: readonly Uint8Array[]): ParsedBody {
  const reader = createBodyReader(path, everyParser);
  assert.ok(reader);
  for (const piece of pieces) if (!reader.push(piece)) break;
  return reader.end();
}

/** The same for a whole body: text, or what JSON.stringify makes of a value. */
export function readBody(path: string, body: unknown): ParsedBody {
  return readPieces(path, [Buffer.from(typeof body === "string" ? body : JSON.stringify(body))]);
}

/** The same for a body that must be valid. */
export function readValid(path: string, body: unknown): ReadBody {
  const parsed = readBody(path, body);
  assert.equal(parsed.kind, "parsed", parsed.kind === "invalid" ? parsed.message : "");
  return parsed as ReadBody;
}

/** The flattened prompt of a valid body as text. */
export function promptOf(path: string, body: unknown): string {
  return Buffer.from(readValid(path, body).prompt).toString();
}
