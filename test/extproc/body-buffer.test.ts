import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyBuffer } from "../../src/extproc/body-buffer.ts";

test("BodyBuffer keeps the bytes as they came, and long pieces without a copy", () => {
  const piece = fc.nat({ max: 20_000 }).map((length) => Buffer.alloc(length, length % 251));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const body = new BodyBuffer();
      for (const one of pieces) body.append(one);
      assert.ok(Buffer.concat(body.chunks).equals(Buffer.concat(pieces)));
      assert.equal(body.length, Buffer.concat(pieces).length);
      for (const one of pieces.filter(({ length }) => length >= 4096)) assert.ok(body.chunks.includes(one));
    }),
  );
});

test("F48 pieces of one byte are kept in few chunks: a body takes no more than a few times its size", () => {
  const body = new BodyBuffer();
  for (let at = 0; at < 1_000_000; at++) body.append(Buffer.from([at & 0xff]));
  assert.equal(body.length, 1_000_000);
  assert.ok(body.chunks.length <= 100, `${body.chunks.length} chunks`);
});

test("F48 short pieces between long ones share chunks of their own", () => {
  const body = new BodyBuffer();
  for (let at = 0; at < 500; at++) {
    body.append(Buffer.alloc(1));
    body.append(Buffer.alloc(4096));
  }
  const kept = new Set(body.chunks.map(({ buffer }) => buffer));
  const bytes = [...kept].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.ok(bytes <= 6 * body.length, `${bytes} bytes kept for ${body.length}`);
});
