import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { promptCapBytes } from "../../src/request/parsed-body.ts";
import { cutAt, cuts, parseWhole, singleBytes } from "./chunks.ts";
import { nastyDocuments } from "./nasty-documents.ts";
import { promptOf, readBody, readPieces, readValid } from "./read-body.ts";

const embeddings = "/v1/embeddings";
const images = "/v1/images/generations";
const responses = "/v1/responses";
const conversations = "/v1/conversations";
const messages = "/v1/messages";
const vllm = "/inference/v1/generate";
const sglang = "/generate";

const user = { role: "user", content: "hi" };
/** A small valid body of each API, without a model. */
const smallest: Readonly<Record<string, object>> = {
  "/v1/completions": { prompt: "hi" },
  "/v1/completions/render": { prompt: "hi" },
  "/v1/chat/completions": { messages: [user] },
  "/v1/chat/completions/render/": { messages: [user] },
  [embeddings]: { input: "hi" },
  [images]: { prompt: "hi" },
  [responses]: { input: "hi" },
  [conversations]: { items: [user] },
  [messages]: { messages: [user] },
  [vllm]: { token_ids: [1, 2] },
  [sglang]: { input_ids: [1, 2] },
};
const paths = Object.keys(smallest);

const refused: readonly { id: string; path: string; bodies: readonly unknown[]; message: string }[] = [
  {
    id: "E4",
    path: embeddings,
    bodies: [{}, { input: null }, { input: 5 }, { input: {} }, { input: [1, "a"] }, { input: [-1] }],
    message: "invalid embeddings request: must have input field",
  },
  {
    id: "E4",
    path: images,
    bodies: [{}, { prompt: "" }, { prompt: null }, { prompt: ["a"] }, { prompt: 5 }, { model: "m" }],
    message: "invalid images generations request: must have prompt field",
  },
  {
    id: "E4",
    path: responses,
    bodies: [{}, { input: null }, { instructions: "x" }],
    message: "invalid responses request: must have input field",
  },
  {
    id: "E4",
    path: conversations,
    bodies: [{}, { items: [] }, { items: null }, { items: "x" }, '{"items":[1],"items":[]}'],
    message: "invalid conversations request: must have items field",
  },
  {
    id: "E9",
    path: messages,
    bodies: [{}, { messages: [] }, { messages: null }, { system: "x" }],
    message: "invalid messages request: must have at least one message",
  },
  {
    id: "E9",
    path: messages,
    bodies: [
      { messages: "x" },
      { messages: ["x"] },
      { messages: [user, null] },
      { messages: [{ role: 1, content: "x" }] },
      { messages: [{ role: "user", content: 5 }] },
      { messages: [{ role: "user", content: [5] }] },
    ],
    message: "invalid messages request: must have valid messages field",
  },
  {
    id: "E9",
    path: messages,
    bodies: [
      { messages: [user], system: 5 },
      { system: {}, messages: [user] },
    ],
    message: 'invalid messages request: "system" must be a string or an array of blocks',
  },
  {
    id: "E9",
    path: messages,
    bodies: [{ messages: [user], tools: {} }],
    message: 'invalid messages request: "tools" must be an array, found an object',
  },
  {
    id: "3.3",
    path: vllm,
    bodies: [
      {},
      { token_ids: [] },
      { token_ids: null },
      { token_ids: ["a"] },
      { token_ids: [[1]] },
      { token_ids: [1.5] },
    ],
    message: "invalid generate request: must have non-empty token_ids field",
  },
  {
    id: "3.3",
    path: sglang,
    bodies: [{ input_ids: "a" }, { input_ids: [-1] }, { input_ids: [4294967296] }, { input_ids: ["a"] }],
    message: "invalid generate request: input_ids must be an array of uint32 integers",
  },
];
for (const { id, path, bodies, message } of refused) {
  for (const body of bodies) {
    test(`${id} ${path} refuses ${JSON.stringify(body)}`, () => {
      assert.deepEqual(readBody(path, body), { kind: "invalid", message });
    });
  }
}

const ids = "\x01\0\0\0\x02\0\0\0";
const prompts: readonly { path: string; name: string; body: unknown; want: string; segments?: number[] }[] = [
  { path: embeddings, name: "a string", body: { input: "hi" }, want: "hi" },
  { path: embeddings, name: "strings", body: { input: ["ab", "c"] }, want: "abc", segments: [2, 3] },
  { path: embeddings, name: "token ids", body: { input: [1, 2] }, want: ids },
  { path: embeddings, name: "token id lists", body: { input: [[1], [2]] }, want: ids, segments: [4, 8] },
  { path: embeddings, name: "an empty string, for the server to refuse", body: { input: "" }, want: "" },
  { path: embeddings, name: "an empty list, for the server to refuse", body: { input: [] }, want: "" },
  { path: images, name: "the prompt", body: { prompt: "a cat", n: 2 }, want: "a cat" },
  { path: responses, name: "a string", body: { input: "hi" }, want: "hi" },
  {
    path: responses,
    name: "tools, instructions, input, whatever their order",
    body: '{"input":"hi","instructions":"be","tools":[{"type": "x"}]}',
    want: '[{"type": "x"}]behi',
  },
  {
    path: responses,
    name: "messages and tool calls",
    body: {
      input: [
        { type: "message", id: "m1", role: "user", content: [{ type: "input_text", text: "sum?" }] },
        { type: "function_call", id: "f1", call_id: "c1", name: "add", arguments: '{"a":1}' },
        { type: "function_call_output", call_id: "c1", output: "2" },
        { role: "assistant", content: "two" },
      ],
      tools: [],
      instructions: null,
    },
    want: 'usersum?add{"a":1}2assistanttwo',
  },
  { path: responses, name: "an item of any kind", body: { input: [5, null, ["x"]] }, want: "" },
  { path: responses, name: "a number", body: { input: 5 }, want: "" },
  { path: responses, name: "the last of repeated inputs", body: '{"input":"a","input":["b"]}', want: "b" },
  {
    path: conversations,
    name: "the items",
    body: { items: [user, { role: "assistant", content: "yo" }] },
    want: "userhiassistantyo",
  },
  { path: messages, name: "a string content", body: { messages: [user] }, want: "userhi" },
  { path: messages, name: "a system string", body: { messages: [user], system: "be" }, want: "beuserhi" },
  {
    path: messages,
    name: "system blocks, without cache marks",
    body: { system: [{ type: "text", text: "be", cache_control: { type: "ephemeral" } }], messages: [user] },
    want: "beuserhi",
  },
  {
    path: messages,
    name: "tools first",
    body: '{"system":"be","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f"}]}',
    want: '[{"name":"f"}]beuserhi',
  },
  {
    path: messages,
    name: "tool use and tool results",
    body: {
      messages: [
        { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "add", input: { a: [1] } }] },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t1", content: "2" },
            { type: "tool_result", tool_use_id: "t2", content: [{ type: "text", text: "3" }] },
          ],
        },
      ],
    },
    want: 'assistantadd{"a":[1]}user23',
  },
  {
    path: messages,
    name: "the last of repeated messages",
    body: '{"messages":[],"messages":[{"content":"x"}]}',
    want: "x",
  },
  { path: vllm, name: "token ids", body: { token_ids: [1, 2] }, want: ids },
  { path: sglang, name: "token ids", body: { input_ids: [1, 2] }, want: ids },
  { path: sglang, name: "a batch of token ids", body: { input_ids: [[1], [2]] }, want: ids, segments: [4, 8] },
  { path: sglang, name: "text", body: { text: "hi" }, want: "hi" },
  { path: sglang, name: "token ids before text", body: { input_ids: [1, 2], text: "hi" }, want: ids },
  { path: sglang, name: "neither, for the server to refuse", body: { input_embeds: [[0.5]] }, want: "" },
];
for (const { path, name, body, want, segments = [] } of prompts) {
  test(`${path === messages ? "E9 " : ""}prompt of ${path}: ${name}`, () => {
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const parsed = readValid(path, body);
    assert.equal(Buffer.from(parsed.prompt).toString(), want);
    assert.equal(parsed.promptBytes, want.length);
    assert.deepEqual(parsed.segments, segments);
    assert.deepEqual(readPieces(path, singleBytes(bytes)), parsed);
  });
}

test("E9 an image leaves a placeholder that tells it apart, also within a tool's result", () => {
  const image = (data: string): object => ({
    type: "image",
    source: { type: "base64", media_type: "image/png", data },
  });
  const asContent = (data: string): string =>
    promptOf(messages, { messages: [{ role: "user", content: [image(data)] }] });
  assert.match(asContent("aaaa"), /^user<image:[0-9a-f]{8}>$/);
  assert.equal(asContent("aaaa"), asContent("aaaa"));
  assert.notEqual(asContent("aaaa"), asContent("aaab"));
  const result = { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "see" }, image("aaaa")] };
  assert.match(promptOf(messages, { messages: [{ role: "user", content: [result, "!"] }] }), /^usersee<image:\w{8}>!$/);
});

test("the next turn of a conversation has the last one as its prefix", () => {
  const turns = [
    user,
    { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "add", input: { a: 1 } }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "2" }] },
    { role: "assistant", content: "two" },
  ];
  for (const [path, key] of [
    [messages, "messages"],
    [responses, "input"],
    [conversations, "items"],
  ] as const) {
    let before = "";
    for (let count = 1; count <= turns.length; count++) {
      const prompt = promptOf(path, { tools: [{ name: "add" }], [key]: turns.slice(0, count) });
      assert.ok(prompt.startsWith(before) && prompt.length > before.length, `${path} turn ${count}`);
      before = prompt;
    }
  }
});

const bounds: readonly { path: string; fields: object; want: number | undefined }[] = [
  { path: responses, fields: { max_output_tokens: 7, max_tokens: 9 }, want: 7 },
  { path: responses, fields: { max_tokens: 9 }, want: undefined },
  { path: messages, fields: { max_tokens: 7 }, want: 7 },
  { path: messages, fields: { max_tokens: 0 }, want: 0 },
  { path: messages, fields: { max_tokens: -1 }, want: undefined },
  { path: vllm, fields: { sampling_params: { max_tokens: 7, other: { max_tokens: 9 } } }, want: 7 },
  { path: vllm, fields: { max_tokens: 9 }, want: undefined },
  { path: vllm, fields: { sampling_params: null }, want: undefined },
  { path: sglang, fields: { sampling_params: { max_new_tokens: 7 } }, want: 7 },
  { path: sglang, fields: { sampling_params: { max_new_tokens: -1 } }, want: undefined },
  { path: sglang, fields: { sampling_params: [{ max_new_tokens: 7 }] }, want: undefined },
  { path: embeddings, fields: { max_tokens: 7 }, want: undefined },
];
for (const { path, fields, want } of bounds) {
  test(`E7 output bound of ${path} with ${JSON.stringify(fields)} is ${want}`, () => {
    assert.equal(readValid(path, { ...smallest[path], ...fields }).maxOutputTokens, want);
  });
}

for (const path of paths) {
  test(`E8 ${path} keeps cache_salt and stream, and needs no model yet`, () => {
    const parsed = readValid(path, { ...smallest[path], cache_salt: "s", stream: true });
    assert.equal(parsed.cacheSalt, "s");
    assert.equal(parsed.streaming, true);
    assert.equal(parsed.model, "");
    assert.equal(parsed.modelRange, undefined);
    for (const fields of [{ cache_salt: 5 }, { stream: "yes" }]) {
      assert.equal(readBody(path, { ...smallest[path], ...fields }).kind, "invalid");
    }
  });

  test(`E6 ${path} reads the model, except where none is named`, () => {
    const parsed = readValid(path, { ...smallest[path], model: "m" });
    assert.equal(parsed.model, path === sglang ? "" : "m");
    const repeated = readBody(path, `{"model":"m","model":"m",${JSON.stringify(smallest[path]).slice(1)}`);
    assert.equal(repeated.kind, path === sglang ? "parsed" : "invalid");
  });

  test(`F51 ${path} takes one JSON object only`, () => {
    for (const body of ["", "null", "[]", "5", '"x"', "{", '{"a":1}}', "\ufeff{}", "no healthy upstream"]) {
      const parsed = readBody(path, body);
      assert.ok(
        parsed.kind === "invalid" && parsed.message.startsWith("error unmarshaling request bodyMap: byte "),
        body,
      );
    }
  });
}

test("E8 SGLang's extra_key is the salt; a list of them is none", () => {
  assert.equal(readValid(sglang, { input_ids: [1], extra_key: "s" }).cacheSalt, "s");
  assert.equal(readValid(sglang, { input_ids: [1], extra_key: ["s"] }).cacheSalt, "");
  assert.equal(readBody(sglang, { input_ids: [1], extra_key: 5 }).kind, "invalid");
});

const opaque = ["/v1/messages/count_tokens", "/vllm.grpc.engine.VllmEngine/Abort", "/tokenize"];
for (const path of opaque) {
  test(`E9 F51 ${path} takes any bytes and counts them`, () => {
    for (const body of ["", "no JSON", "\xff\0", '{"model":5}']) {
      const parsed = readValid(path, body);
      assert.equal(parsed.promptBytes, Buffer.byteLength(body));
      assert.equal(parsed.prompt.length, 0);
    }
  });
}

test("prompts beyond the cap are cut and counted, what comes first first", () => {
  const content = "x".repeat(promptCapBytes);
  const parsed = readValid(messages, { messages: [{ role: "user", content }], system: "be", tools: [1] });
  assert.equal(parsed.prompt.length, promptCapBytes);
  assert.equal(parsed.promptBytes, promptCapBytes + "[1]beuser".length);
  assert.equal(Buffer.from(parsed.prompt.subarray(0, 11)).toString(), "[1]beuserxx");
  const long = readValid(responses, { input: "hi", instructions: content, tools: [content] });
  assert.equal(long.prompt.length, promptCapBytes);
  assert.equal(long.promptBytes, 2 * promptCapBytes + '[""]hi'.length);
});

for (const { name, bytes } of nastyDocuments) {
  test(`F51 F56 in every API ${name} gets the verdict of JSON.parse, however it is cut`, () => {
    for (const path of paths) {
      const [head = ""] = JSON.stringify(smallest[path]).split(/\}$/);
      const body = Buffer.concat([Buffer.from(`${head},"y":`), bytes, Buffer.from("}")]);
      const parsed = readPieces(path, [body]);
      assert.equal(parsed.kind, parseWhole(body) === undefined ? "invalid" : "parsed", path);
      if (body.length < 4096) assert.deepEqual(readPieces(path, singleBytes(body)), parsed, path);
    }
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
}

/** Members that mean something to some API, so that bodies are often nearly right. */
const member = fc.constantFrom(
  ..."messages items input prompt tools system instructions token_ids input_ids text sampling_params role content".split(
    " ",
  ),
  ..."type source model stream cache_salt extra_key max_tokens output arguments name __proto__ constructor".split(" "),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>("user", "hi", "", null, true, 5, -1, 1.5, "é\ud800"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(member, tie("value"), { maxKeys: 4 }),
  ),
}));

test("any JSON cut anywhere gives each API the same result as whole, and none throws", () => {
  const body = fc.dictionary(member, value, { maxKeys: 8 });
  fc.assert(
    fc.property(body, cuts, fc.constantFrom(...paths, ...opaque), (fields, places, path) => {
      const bytes = Buffer.from(JSON.stringify({ ...smallest[path], ...fields }));
      const whole = readPieces(path, [bytes]);
      assert.deepEqual(readPieces(path, cutAt(bytes, places)), whole);
      if (whole.kind === "parsed") assert.ok(whole.promptBytes >= whole.prompt.length);
    }),
    { numRuns: 500 },
  );
});

test("F52 a body is refused with its first broken byte, however it is cut", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.integer({ min: 0, max: 255 }), cuts, (json, at, byte, places) => {
      const bytes = Buffer.from(`{"messages":[{"role":"user","content":"hi"}],"x":${json}}`);
      bytes[at % bytes.length] = byte;
      const whole = readPieces("/v1/chat/completions", [bytes]);
      assert.deepEqual(readPieces("/v1/chat/completions", cutAt(bytes, places)), whole);
      if (parseWhole(bytes) === undefined) assert.equal(whole.kind, "invalid");
    }),
    { numRuns: 300 },
  );
});
