import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { readLines } from "../../../src/discovery/kubernetes/line-stream.ts";

async function linesOf(chunks: readonly Buffer[], maxLength?: number): Promise<string[]> {
  const lines: string[] = [];
  const stream = Readable.from(chunks, { objectMode: false });
  for await (const line of readLines(stream, maxLength)) lines.push(line);
  return lines;
}

test("lines come out as they went in, however the bytes are cut", async () => {
  const line = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\n", ""));
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), line, cuts, async (lines, rest, sizes) => {
      const bytes = Buffer.from([...lines, rest].join("\n"));
      const chunks: Buffer[] = [];
      for (let from = 0, i = 0; from < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(bytes.subarray(from, from + size));
        from += size;
      }
      assert.deepEqual(await linesOf(chunks), rest === "" ? lines : [...lines, rest]);
    }),
  );
});

test("a line beyond the cap ends the stream, one at the cap does not", async () => {
  const [short, long] = ["x".repeat(10), "x".repeat(11)];
  assert.deepEqual(await linesOf([Buffer.from(`${short}\n`), Buffer.from(short)], 10), [short, short]);
  await assert.rejects(linesOf([Buffer.from(long)], 10), { name: "ConnectionFailure", reason: "too-large" });
});
