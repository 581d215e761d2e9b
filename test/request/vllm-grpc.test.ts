import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { promptCapBytes } from "../../src/request/parsed-body.ts";
import { grpcFrame, vllmMethod, vllmRequest } from "../support/vllm-grpc.ts";
import { cutAt, cuts, singleBytes } from "./chunks.ts";
import { readPieces } from "./read-body.ts";

const generate = "/vllm.grpc.engine.VllmEngine/Generate";
const embed = "/vllm.grpc.engine.VllmEngine/Embed";
const invalid = { kind: "invalid", message: "invalid or unsupported gRPC payload" };

function understood(api: string, more: object): object {
  return {
    kind: "parsed",
    api,
    model: "",
    modelRange: undefined,
    streaming: false,
    maxOutputTokens: undefined,
    cacheSalt: "",
    prompt: new Uint8Array(0),
    promptBytes: 0,
    segments: [],
    ...more,
  };
}

const bytesOf = (ids: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(ids).buffer);
const textOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

const calls: readonly { name: string; path: string; message: object; want: object }[] = [
  {
    name: "A20 Generate with text",
    path: generate,
    message: {
      request_id: "r",
      text: "héllo",
      sampling_params: { temperature: 0.5, max_tokens: 300, stop: ["x"], seed: -1 },
      stream: true,
    },
    want: { prompt: textOf("héllo"), promptBytes: 6, streaming: true, maxOutputTokens: 300 },
  },
  {
    name: "A20 Generate with token ids",
    path: generate,
    message: { tokenized: { original_text: "ignored", input_ids: [1, 300, 4294967295] } },
    want: { prompt: bytesOf([1, 300, 4294967295]), promptBytes: 12 },
  },
  {
    name: "A20 an explicit bound of 0",
    path: generate,
    message: { text: "x", sampling_params: { max_tokens: 0 } },
    want: { prompt: textOf("x"), promptBytes: 1, maxOutputTokens: 0 },
  },
  { name: "A20 an empty message", path: generate, message: {}, want: {} },
  { name: "A20 empty text", path: generate, message: { text: "" }, want: {} },
  {
    name: "A21 Embed with token ids",
    path: embed,
    message: { request_id: "r", tokenized: { input_ids: [7, 8] } },
    want: { prompt: bytesOf([7, 8]), promptBytes: 8 },
  },
];
for (const { name, path, message, want } of calls) {
  test(`${name} is read, in one piece and byte by byte (A22)`, () => {
    const body = vllmRequest(path === embed ? "Embed" : "Generate", message);
    const expected = understood(path === embed ? "vllm-grpc-embed" : "vllm-grpc-generate", want);
    assert.deepEqual(readPieces(path, [body]), expected);
    assert.deepEqual(readPieces(path, singleBytes(body)), expected);
  });
}

const message = vllmMethod("Generate").requestSerialize({ text: "hello", stream: true });
const declared = (length: number): Buffer => {
  const frame = grpcFrame(message);
  frame.writeUInt32BE(length, 1);
  return frame;
};
const broken: readonly { name: string; body: Uint8Array }[] = [
  { name: "A23 a compressed frame", body: grpcFrame(message, 1) },
  { name: "A23 unknown flags", body: grpcFrame(message, 2) },
  { name: "no bytes", body: Buffer.alloc(0) },
  { name: "half a header", body: Buffer.from([0, 0, 0]) },
  { name: "a frame that is cut", body: grpcFrame(message).subarray(0, -1) },
  { name: "a length far beyond the body", body: declared(0xffff_ffff) },
  { name: "a length within the message", body: declared(message.length - 1) },
  { name: "a second frame", body: Buffer.concat([grpcFrame(message), grpcFrame(message)]) },
  { name: "a byte behind the frame", body: Buffer.concat([grpcFrame(message), Buffer.of(0)]) },
  { name: "JSON", body: Buffer.from('{"prompt":"hi"}') },
  { name: "field number 0", body: grpcFrame(Buffer.of(0x00, 0x01)) },
  { name: "a group", body: grpcFrame(Buffer.of(0x0b, 0x0c)) },
  { name: "wire type 7", body: grpcFrame(Buffer.of(0x0f, 0x00)) },
  { name: "a varint that never ends", body: grpcFrame(Buffer.alloc(11, 0xff)) },
  { name: "a string beyond its message", body: grpcFrame(Buffer.of(0x1a, 0x05, 0x61)) },
  { name: "a message beyond its parent", body: grpcFrame(Buffer.of(0x12, 0x02, 0x12, 0x05)) },
  { name: "packed ids that end within a number", body: grpcFrame(Buffer.of(0x12, 0x03, 0x12, 0x01, 0x80)) },
  { name: "packed ids that reach beyond their field", body: grpcFrame(Buffer.of(0x12, 0x04, 0x12, 0x01, 0x80, 0x01)) },
  { name: "a number cut by the end", body: grpcFrame(Buffer.of(0x28, 0x80)) },
  { name: "fixed bytes cut by the end", body: grpcFrame(Buffer.of(0x0d, 0x00)) },
];
for (const { name, body } of broken) {
  test(`${name} is refused, in one piece and byte by byte`, () => {
    assert.deepEqual(readPieces(generate, [body]), invalid);
    assert.deepEqual(readPieces(generate, singleBytes(body)), invalid);
  });
}

test("F52 a compressed frame is refused before its message", () => {
  assert.deepEqual(readPieces(generate, [Buffer.from([1, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(10)]), invalid);
});

test("unpacked ids, repeated messages and unknown fields are read as protobuf says", () => {
  const twice = Buffer.from([0x12, 0x02, 0x10, 0x05, 0x12, 0x02, 0x10, 0x06]); // tokenized {id 5}, tokenized {id 6}
  const unknown = Buffer.from([
    0xf8, 0x07, 0x01, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x07, 1, 2, 3, 4, 0xfa, 0x07, 0x01, 0x61,
  ]);
  const read = (...parts: Buffer[]): Uint8Array | undefined => {
    const parsed = readPieces(generate, [grpcFrame(Buffer.concat(parts))]);
    return parsed.kind === "parsed" ? parsed.prompt : undefined;
  };
  assert.deepEqual(read(twice), bytesOf([5, 6]));
  assert.deepEqual(read(unknown, twice, unknown), bytesOf([5, 6]));
  assert.deepEqual(read(Buffer.from([0x1a, 0x01, 0x61]), twice), bytesOf([5, 6]), "of text and tokens the last counts");
  assert.deepEqual(read(twice, Buffer.from([0x1a, 0x01, 0x61])), textOf("a"));
});

test("a prompt beyond the cap is cut and counted", () => {
  const parsed = readPieces(generate, [vllmRequest("Generate", { text: "x".repeat(promptCapBytes + 5) })]);
  assert.ok(parsed.kind === "parsed");
  assert.equal(parsed.prompt.length, promptCapBytes);
  assert.equal(parsed.promptBytes, promptCapBytes + 5);
});

test("A22 any call cut anywhere reads as it was written", () => {
  const id = fc.integer({ min: 0, max: 0xffff_ffff });
  const request = fc.record(
    {
      request_id: fc.string(),
      tokenized: fc.record({
        original_text: fc.string({ unit: "grapheme" }),
        input_ids: fc.array(id, { maxLength: 50 }),
      }),
      sampling_params: fc.record(
        { max_tokens: id, seed: fc.integer(), stop: fc.array(fc.string()) },
        { requiredKeys: [] },
      ),
      stream: fc.boolean(),
    },
    { requiredKeys: ["tokenized"] },
  );
  fc.assert(
    fc.property(request, cuts, (fields, places) => {
      const parsed = readPieces(generate, cutAt(vllmRequest("Generate", fields), places));
      const want = {
        prompt: bytesOf(fields.tokenized.input_ids),
        promptBytes: fields.tokenized.input_ids.length * 4,
        streaming: fields.stream ?? false,
        maxOutputTokens: fields.sampling_params?.max_tokens,
      };
      assert.deepEqual(parsed, understood("vllm-grpc-generate", want));
    }),
  );
});

test("any bytes give one verdict, however they are cut", () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => grpcFrame(bytes)),
    fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, byte]) => {
      const bytes = vllmRequest("Generate", { tokenized: { input_ids: [1, 300] }, sampling_params: { max_tokens: 5 } });
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(body, cuts, fc.constantFrom(generate, embed), (bytes, places, path) => {
      assert.deepEqual(readPieces(path, cutAt(bytes, places)), readPieces(path, [bytes]));
    }),
    { numRuns: 1000 },
  );
});
