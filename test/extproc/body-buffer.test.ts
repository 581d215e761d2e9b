import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { World } from "../../fuzz/world.ts";
import { BodyBuffer } from "../../src/extproc/body-buffer.ts";
import { Exchange } from "../../src/extproc/exchange.ts";
import { HeaderList } from "../../src/extproc/header-list.ts";

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

/** Least processor time of three bodies in `count` pieces of one byte, in microseconds. */
function costOf(count: number): number {
  const byte = Buffer.from(" ");
  const costs = Array.from({ length: 3 }, () => {
    const world = new World(1, {});
    const exchange = new Exchange(
      world.deps,
      () => {},
      () => {},
    );
    const headers = new HeaderList();
    headers.add(":path", Buffer.from("/v1/completions"));
    const said = { metadata: undefined, observabilityMode: false, protocolConfig: undefined };
    exchange.receive({ ...said, event: { kind: "headers", phase: "request", headers, endOfStream: false } });
    const before = process.cpuUsage();
    for (let at = 0; at < count; at++) {
      exchange.receive({ ...said, event: { kind: "body", phase: "request", body: byte, endOfStream: false } });
    }
    const { user, system } = process.cpuUsage(before);
    exchange.end();
    return user + system;
  });
  return Math.min(...costs);
}

test("F48 eight times the pieces of one byte cost about eight times as much, not sixty-four", () => {
  const ratio = costOf(131_072) / costOf(16_384);
  assert.ok(ratio < 32, `${ratio.toFixed(1)} times as much`);
});
