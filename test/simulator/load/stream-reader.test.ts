import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { StreamReader } from "../../../simulator/load/stream-reader.ts";

const stream = [
  'data: {"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}',
  'data: {"id":"a","choices":[{"index":0,"delta":{"content":" the"}}]}',
  'data: {"id":"a","choices":[{"index":0,"delta":{"content":" and"},"finish_reason":"length"}]}',
  'data: {"id":"a","choices":[],"usage":{"prompt_tokens":120,"total_tokens":122,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":96}}}',
  "data: [DONE]",
  "",
].join("\n\n");

test("StreamReader finds the first token with text and the usage, however the stream is cut", () => {
  const firstToken = stream.indexOf('"content":" ') + '"content":" '.length;
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const reader = new StreamReader();
      const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const firsts: number[] = [];
      for (let i = 1; i < places.length; i++) {
        if (reader.push(Buffer.from(stream.slice(places[i - 1], places[i])))) firsts.push(places[i] ?? 0);
      }
      assert.equal(firsts.length, 1);
      assert.equal(
        firsts[0],
        places.find((place) => place >= firstToken),
      );
      const { promptTokens, cachedTokens, outputTokens, isDone } = reader;
      assert.deepEqual(
        { promptTokens, cachedTokens, outputTokens, isDone },
        { promptTokens: 120, cachedTokens: 96, outputTokens: 2, isDone: true },
      );
    }),
  );
});

test("StreamReader is not done before the stream says so", () => {
  const reader = new StreamReader();
  reader.push(Buffer.from(stream.slice(0, -20)));
  assert.equal(reader.hasContent, true);
  assert.equal(reader.isDone, false);
});
