import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createUsageReader, type Usage } from "../../src/request/response-usage.ts";
import { grpcFrame, vllmMethod, vllmResponse } from "../support/vllm-grpc.ts";
import { cutAt, cuts, singleBytes } from "./chunks.ts";

type Dialect = Parameters<typeof createUsageReader>[0];

function read(
  format: "json" | "sse",
  pieces: readonly (string | Uint8Array)[],
  dialect: Dialect = "usage",
): Usage | undefined {
  const reader = createUsageReader(dialect, format);
  for (const piece of pieces) reader.push(Buffer.from(piece as Uint8Array));
  reader.end();
  return reader.usage;
}

function usage(prompt: number, completion: number, total: number, cached?: number): Usage {
  return { promptTokens: prompt, completionTokens: completion, totalTokens: total, cachedTokens: cached };
}

const counted = '{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}';
const usageEvent = `data: {"id":"x","choices":[],"usage":${counted}}\n\n`;
const content = 'data: {"choices":[{"delta":{"content":"hi \\"usage\\" there"}}]}\n\n';
const want = usage(7, 10, 17);

const streams: readonly { name: string; pieces: string[]; want: Usage | undefined }[] = [
  {
    name: "B4 reads an event behind an empty one",
    pieces: ["data: {}\n\n", `${usageEvent}data: [DONE]\n\n`, ""],
    want,
  },
  { name: "B15 reads usage and [DONE] in one chunk", pieces: [`${usageEvent}data: [DONE]\n\n`], want },
  { name: "B15 reads usage and [DONE] in two chunks", pieces: [usageEvent, "data: [DONE]\n\n"], want },
  { name: "B15 reads content, usage, [DONE]", pieces: [content, usageEvent, "data: [DONE]\n\n"], want },
  { name: "reads CRLF lines", pieces: [(content + usageEvent).replaceAll("\n", "\r\n")], want },
  { name: "reads a last line without an end", pieces: [usageEvent.trimEnd()], want },
  { name: "reads an event without a space behind the colon", pieces: [usageEvent.replace("data: ", "data:")], want },
  { name: "skips a null usage", pieces: ['data: {"usage":null}\n\n', usageEvent, 'data: {"usage" : null}\n\n'], want },
  { name: "skips broken lines", pieces: ['data: {"usage":{\n\ndata: "usage"\n\n: "usage":1\n', usageEvent], want },
  { name: "skips other fields", pieces: [usageEvent.replace("data", "event")], want: undefined },
  {
    name: "takes the last of continuous counts",
    pieces: ['data: {"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}\n\n', usageEvent],
    want,
  },
  {
    name: "adds partial events up, zero never overwrites",
    pieces: [
      'data: {"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":4}}}\n\n',
      'data: {"usage":{"prompt_tokens":0,"completion_tokens":10,"total_tokens":0}}\n\n',
    ],
    want: usage(7, 10, 17, 4),
  },
  {
    name: "reads response.completed",
    pieces: ['data: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":10}}}\n\n'],
    want,
  },
  {
    name: "ignores a nested usage of other events",
    pieces: ['data: {"type":"x","response":{"usage":{"input_tokens":7}}}\n\n'],
    want: undefined,
  },
  {
    name: "ignores a line of more than 1 MiB cut by a chunk",
    pieces: [`data: {"a":"${"x".repeat(1 << 20)}`, `","usage":${counted}}\n`, usageEvent.replaceAll("7", "8")],
    want: usage(8, 10, 18),
  },
];
for (const { name, pieces, want: expected } of streams) {
  test(`event usage ${name}`, () => assert.deepEqual(read("sse", pieces), expected));
  if (pieces.join("").length > 10_000) continue;
  test(`event usage ${name}, byte by byte`, () => {
    assert.deepEqual(read("sse", singleBytes(Buffer.from(pieces.join("")))), expected);
  });
}

test("event usage is the same however the stream is cut", () => {
  const line = fc.constantFrom(
    content,
    usageEvent,
    'data: {"usage":null}\n\n',
    'data: {"usage":{"completion_tokens":3}}\r\n\r\n',
    'data: {"usage":"é"}\n',
    ": comment\n",
    "data: [DONE]\n\n",
    '"usage"',
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), cuts, (lines, places) => {
      const stream = lines.join("");
      assert.deepEqual(read("sse", cutAt(Buffer.from(stream), places)), read("sse", [stream]));
    }),
  );
});

const bodies: readonly { name: string; body: string; want: Usage | undefined }[] = [
  { name: "reads chat counts", body: `{"choices":[{"usage":1}],"usage":${counted}}`, want },
  { name: "reads responses counts", body: '{"usage":{"input_tokens":7,"output_tokens":10,"total_tokens":17}}', want },
  {
    name: "reads cached tokens",
    body: '{"usage":{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":5}}}',
    want: usage(7, 10, 17, 5),
  },
  {
    name: "B14 reads numeric strings",
    body: '{"usage":{"prompt_tokens":"7","completion_tokens":"10","total_tokens":"17"}}',
    want,
  },
  { name: "B14 ignores a string", body: '{"usage":"7"}', want: undefined },
  { name: "B14 ignores an array", body: '{"usage":[7]}', want: undefined },
  {
    name: "B14 ignores malformed counts",
    body: '{"usage":{"prompt_tokens":[7],"completion_tokens":-1,"total_tokens":1.5}}',
    want: undefined,
  },
  { name: "B12 reports nothing without usage", body: '{"choices":[]}', want: undefined },
  { name: "B2 reports nothing for an invalid body", body: `{"usage":${counted}`, want: undefined },
  { name: "B2 reports nothing for no JSON", body: "upstream error", want: undefined },
  {
    name: "ignores names of JavaScript's own",
    body: '{"__proto__":{"usage":{"prompt_tokens":7}},"constructor":1}',
    want: undefined,
  },
];
for (const { name, body, want: expected } of bodies) {
  test(`JSON usage ${name}`, () => {
    assert.deepEqual(read("json", [body]), expected);
    assert.deepEqual(read("json", singleBytes(Buffer.from(body))), expected);
  });
}

const start = {
  type: "message_start",
  message: { model: "m", usage: { input_tokens: 25, cache_read_input_tokens: 20, output_tokens: 1 } },
};
const delta = { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 15 } };
const event = (data: object): string => `event: x\ndata: ${JSON.stringify(data)}\n\n`;

test("B13 Anthropic's message_start and message_delta add up, in one chunk, in two, byte by byte", () => {
  const [first, second] = [event(start), event(delta)];
  const total = usage(25, 15, 40, 20);
  assert.deepEqual(read("sse", [first + second]), total);
  assert.deepEqual(read("sse", [first, second]), total);
  assert.deepEqual(read("sse", singleBytes(Buffer.from(first + second))), total);
  assert.deepEqual(read("sse", [first]), { ...usage(25, 0, 25, 20), completionTokens: undefined });
});

test("Anthropic's JSON counts input, output and cached tokens", () => {
  const body = { type: "message", usage: { input_tokens: 25, output_tokens: 15, cache_read_input_tokens: 20 } };
  assert.deepEqual(read("json", [JSON.stringify(body)]), usage(25, 15, 40, 20));
});

test("a response that stopped for its length counts too", () => {
  const data = { type: "response.incomplete", response: { usage: { input_tokens: 7, output_tokens: 10 } } };
  assert.deepEqual(read("sse", [event(data)]), want);
});

const info = { id: "x", finish_reason: { type: "stop" }, prompt_tokens: 7, completion_tokens: 10, cached_tokens: 4 };

test("SGLang's meta_info counts when it says why it finished", () => {
  const counts = usage(7, 10, 17, 4);
  const running = { text: "a", meta_info: { ...info, finish_reason: null, completion_tokens: 3 } };
  const stream = `${event(running)}${event({ text: "ab", meta_info: info })}data: [DONE]\n\n`;
  assert.deepEqual(read("sse", [stream], "meta-info"), counts);
  assert.deepEqual(read("sse", singleBytes(Buffer.from(stream)), "meta-info"), counts);
  assert.equal(read("sse", [event(running)], "meta-info"), undefined);
  assert.deepEqual(read("json", [JSON.stringify({ text: "ab", meta_info: info })], "meta-info"), counts);
  assert.equal(read("json", ['{"text":"ab","usage":{"prompt_tokens":7}}'], "meta-info"), undefined);
  assert.equal(read("sse", ['data: {"finish_reason":"stop","meta_info":5}\n'], "meta-info"), undefined);
});

const complete = {
  output_ids: [1, 2],
  finish_reason: "stop",
  prompt_tokens: 300,
  completion_tokens: 10,
  cached_tokens: 256,
};
const chunk = { token_ids: [1], prompt_tokens: 300, completion_tokens: 1, cached_tokens: 256 };
for (const server of ["VllmEngine", "RouterEngine"] as const) {
  test(`vLLM gRPC counts the complete message of ${server}, however it is cut`, () => {
    const id = server === "VllmEngine" ? { request_id: "\x08\x01" } : {};
    const body = vllmResponse(
      "Generate",
      [
        { ...id, chunk },
        { ...id, complete },
      ],
      server,
    );
    const counts = usage(300, 10, 310, 256);
    assert.deepEqual(read("json", [body], "vllm-grpc-generate"), counts);
    assert.deepEqual(read("json", singleBytes(body), "vllm-grpc-generate"), counts);
    const first = vllmResponse("Generate", [{ ...id, chunk }], server);
    assert.equal(read("json", [first], "vllm-grpc-generate"), undefined, "a chunk alone");
    const uncached = vllmResponse("Generate", [{ complete: { finish_reason: "stop", prompt_tokens: 3 } }], server);
    assert.deepEqual(read("json", [uncached], "vllm-grpc-generate"), usage(3, 0, 3, 0));
  });

  test(`vLLM gRPC counts the prompt that ${server} embedded`, () => {
    const result = { embedding: [0.5, 1], prompt_tokens: 12, embedding_dim: 2 };
    const body = vllmResponse("Embed", [server === "VllmEngine" ? { complete: result } : result], server);
    assert.deepEqual(read("json", singleBytes(body), "vllm-grpc-embed"), usage(12, 0, 12));
  });
}

test("vLLM gRPC passes over compressed and broken frames", () => {
  const { responseSerialize } = vllmMethod("Generate");
  const good = grpcFrame(responseSerialize({ complete }));
  for (const bad of [
    grpcFrame(responseSerialize({ complete }), 1),
    grpcFrame(Buffer.of(0x1a, 0x7f)),
    grpcFrame(Buffer.alloc(0)),
  ]) {
    assert.equal(read("json", [bad], "vllm-grpc-generate"), undefined);
    assert.deepEqual(read("json", [bad, good], "vllm-grpc-generate"), usage(300, 10, 310, 256));
  }
});

test("usage readers take any bytes without throwing", () => {
  const dialect = fc.constantFrom<Dialect>("usage", "meta-info", "vllm-grpc-generate", "vllm-grpc-embed");
  fc.assert(
    fc.property(dialect, fc.constantFrom("json" as const, "sse" as const), fc.array(fc.uint8Array()), (...given) => {
      const [some, format, pieces] = given;
      read(format, pieces, some);
      read(format, ["data: ", '"usage":', ...pieces, "\n"], some);
      read(
        format,
        pieces.map((piece) => grpcFrame(piece)),
        some,
      );
    }),
  );
});
