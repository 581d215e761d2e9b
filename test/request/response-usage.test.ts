import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createUsageReader, type Usage } from "../../src/request/response-usage.ts";
import { cutAt, cuts, singleBytes } from "./chunks.ts";

function read(format: "json" | "sse", pieces: readonly (string | Uint8Array)[]): Usage | undefined {
  const reader = createUsageReader("usage", format);
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

test("usage readers take any bytes without throwing", () => {
  fc.assert(
    fc.property(fc.constantFrom("json" as const, "sse" as const), fc.array(fc.uint8Array()), (format, pieces) => {
      read(format, pieces);
      read(format, ["data: ", '"usage":', ...pieces, "\n"]);
    }),
  );
});
