import assert from "node:assert/strict";
import { test } from "node:test";
import { createBodyReader } from "../../src/request/body-reader.ts";
import { promptCapBytes } from "../../src/request/parsed-body.ts";

const tenMegabytes = 10 * 1024 * 1024;

/** Reads a body in pieces of 62,000 bytes, as hosts send it. How long a piece takes is measured in bench/request-scan.ts. */
function read(body: Buffer): ReturnType<NonNullable<ReturnType<typeof createBodyReader>>["end"]> {
  const reader = createBodyReader("/v1/completions");
  if (reader === undefined) throw new Error("no reader");
  for (let at = 0; at < body.length; at += 62_000) assert.ok(reader.push(body.subarray(at, at + 62_000)));
  return reader.end();
}

test("F53 10 MB of numbers are read whole, of which the cap is kept", () => {
  const ids = "123456, ".repeat(tenMegabytes / 8);
  const parsed = read(Buffer.from(`{"model":"base","prompt":[${ids}7]}`));
  assert.ok(parsed.kind === "parsed");
  assert.equal(parsed.promptBytes, (tenMegabytes / 8 + 1) * 4);
  assert.equal(parsed.prompt.length, promptCapBytes);
});

test("F53 10 MB of escapes are read whole, of which the cap is kept", () => {
  const escapes = "\\u00e9".repeat(Math.floor(tenMegabytes / 6));
  const parsed = read(Buffer.from(`{"model":"base","prompt":"${escapes}","stream":true}`));
  assert.ok(parsed.kind === "parsed");
  assert.equal(parsed.promptBytes, Math.floor(tenMegabytes / 6) * 2);
  assert.equal(parsed.prompt.length, promptCapBytes);
  assert.equal(Buffer.from(parsed.prompt.subarray(0, 4)).toString(), "éé");
  assert.equal(parsed.streaming, true, "what follows the prompt is read too");
});
