import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBodyReader } from "../../src/request/body-reader.ts";
import { type ParsedBody, promptCapBytes, type ReadBody } from "../../src/request/parsed-body.ts";
import { cutAt, cuts, parseWhole, singleBytes } from "./chunks.ts";
import { nastyDocuments } from "./nasty-documents.ts";

const completionsPath = "/v1/completions";
const chatPath = "/v1/chat/completions";

function read(path: string, pieces: readonly Uint8Array[]): ParsedBody {
  const reader = createBodyReader(path);
  for (const piece of pieces) reader.push(piece);
  return reader.end();
}

function readJson(path: string, body: unknown): ParsedBody {
  return read(path, [Buffer.from(typeof body === "string" ? body : JSON.stringify(body))]);
}

function readValid(path: string, body: unknown): ReadBody {
  const parsed = readJson(path, body);
  assert.equal(parsed.kind, "parsed", parsed.kind === "invalid" ? parsed.message : "");
  return parsed as ReadBody;
}

function promptOf(path: string, body: unknown): string {
  return Buffer.from(readValid(path, body).prompt).toString();
}

test("a passthrough reader takes any bytes", () => {
  const parsed = read("/v1/other", [Uint8Array.of(0xff, 0x00)]);
  assert.ok(parsed.kind === "parsed" && parsed.api === "passthrough");
  assert.equal(parsed.model, "");
  assert.equal(parsed.promptBytes, 2);
});

test("completions body is read whole", () => {
  const body = '{"model":"m","prompt":"hi","stream":true,"max_tokens":5,"cache_salt":"s"}';
  assert.deepEqual(readValid(completionsPath, body), {
    kind: "parsed",
    api: "completions",
    model: "m",
    modelRange: { start: 9, end: 12 },
    streaming: true,
    maxOutputTokens: 5,
    cacheSalt: "s",
    prompt: Uint8Array.from(Buffer.from("hi")),
    promptBytes: 2,
    segments: [],
  });
});

const prompts: readonly { name: string; prompt: unknown; want: string; segments?: number[] }[] = [
  { name: "a string", prompt: "hé\u0000", want: "hé\u0000" },
  { name: "a list of one string", prompt: ["hello"], want: "hello" },
  { name: "a list of strings", prompt: ["ab", "", "cde"], want: "abcde", segments: [2, 2, 5] },
  { name: "token ids", prompt: [1, 258, 4294967295], want: "\x01\0\0\0\x02\x01\0\0\xff\xff\xff\xff" },
  { name: "lists of token ids", prompt: [[1], [2]], want: "\x01\0\0\0\x02\0\0\0", segments: [4, 8] },
];
for (const { name, prompt, want, segments = [] } of prompts) {
  test(`E2 completions takes ${name} as prompt`, () => {
    const parsed = readValid(completionsPath, { prompt });
    const encoding = want.includes("\xff") ? "latin1" : "utf8";
    assert.equal(Buffer.from(parsed.prompt).toString(encoding), want);
    assert.equal(parsed.promptBytes, parsed.prompt.length);
    assert.deepEqual(parsed.segments, segments);
  });
}

const badPrompts: readonly unknown[] = [
  {},
  { prompt: null },
  { prompt: "" },
  { prompt: [] },
  { prompt: [""] },
  { prompt: ["", ""] },
  { prompt: [[]] },
  { prompt: 5 },
  { prompt: true },
  { prompt: {} },
  { prompt: [1, "a"] },
  { prompt: ["a", 1] },
  { prompt: [1.5] },
  { prompt: [-1] },
  { prompt: [4294967296] },
  { prompt: [null] },
  { prompt: [[1], "a"] },
  { prompt: [["a"]] },
  '{"prompt":"a","prompt":[]}',
];
for (const body of badPrompts) {
  test(`E2 completions refuses ${JSON.stringify(body)}`, () => {
    assert.deepEqual(readJson(completionsPath, body), {
      kind: "invalid",
      message: "invalid completions request: must have prompt field",
    });
  });
}

const user = { role: "user", content: "hi" };
const chats: readonly { name: string; body: unknown; want: string }[] = [
  {
    name: "role and content run together",
    body: { messages: [{ role: "system", content: "be" }, user] },
    want: "systembeuserhi",
  },
  { name: "content before role", body: { messages: [user, { content: "hi", role: "user" }] }, want: "userhiuserhi" },
  {
    name: "text blocks",
    body: { messages: [{ role: "user", content: [{ type: "text", text: "a" }, { text: "b", type: "text" }, "c"] }] },
    want: "userabc",
  },
  {
    name: "tools first, as written",
    body: '{"messages":[{"role":"user","content":"hi"}],"tools":[ {"type": "function"} ]}',
    want: '[ {"type": "function"} ]userhi',
  },
  { name: "no empty tools", body: { tools: [], messages: [user] }, want: "userhi" },
  { name: "no null tools", body: { tools: null, messages: [user] }, want: "userhi" },
  {
    name: "tool calls without content",
    body: {
      messages: [{ role: "assistant", content: null, tool_calls: [{ id: "x", function: { name: "f" } }] }, user],
    },
    want: "assistantuserhi",
  },
  {
    name: "the last of repeated contents",
    body: '{"messages":[{"role":"user","content":"a","content":[{"type":"text","text":"b"}]}]}',
    want: "userb",
  },
  {
    name: "the last of repeated messages",
    body: '{"messages":[],"messages":[{"role":"user","content":"hi"}]}',
    want: "userhi",
  },
  { name: "a message without a role", body: { messages: [{ content: "x" }] }, want: "x" },
];
for (const { name, body, want } of chats) {
  test(`E3 chat prompt has ${name}`, () => {
    assert.equal(promptOf(chatPath, body), want);
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    assert.deepEqual(read(chatPath, singleBytes(bytes)), read(chatPath, [bytes]));
  });
}

test("E3 chat blocks other than text leave a placeholder that tells their contents apart", () => {
  const image = (url: string): string =>
    promptOf(chatPath, {
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url } },
            { type: "text", text: "?" },
          ],
        },
      ],
    });
  assert.match(image("a"), /^user<image_url:[0-9a-f]{8}>\?$/);
  assert.equal(image("a"), image("a"));
  assert.notEqual(image("a"), image("b"));
  const audio = { type: "input_audio", input_audio: { data: "UklGR", format: "wav" } };
  assert.match(
    promptOf(chatPath, { messages: [{ role: "user", content: [audio] }] }),
    /^user<input_audio:[0-9a-f]{8}>$/,
  );
});

const badChats: readonly unknown[] = [
  {},
  { messages: [] },
  { messages: null },
  { messages: "hi" },
  { messages: {} },
  { messages: ["hi"] },
  { messages: [null] },
  { messages: [{ role: 1, content: "x" }] },
  { messages: [{ role: "user", content: 1 }] },
  { messages: [{ role: "user", content: {} }] },
  { messages: [{ role: "user", content: [1] }] },
  { messages: [{ role: "user", content: [{ type: 1 }] }] },
  { messages: [{ role: "user", content: [{ type: "text", text: 1 }] }] },
  { messages: [{ role: "assistant", tool_calls: "x" }] },
  { messages: [{ role: "r".repeat(257), content: "x" }] },
];
for (const body of badChats) {
  test(`E3 chat refuses ${JSON.stringify(body).slice(0, 80)}`, () => {
    assert.deepEqual(readJson(chatPath, body), {
      kind: "invalid",
      message: "invalid chat completions request: must have valid messages field",
    });
  });
}

const badFields: readonly { body: string; want: string }[] = [
  { body: '"tools":{}', want: '"tools" must be an array, found an object' },
  { body: '"documents":"x"', want: '"documents" must be an array, found a string' },
  { body: '"chat_template":1', want: '"chat_template" must be a string, found a number' },
  { body: '"chat_template_kwargs":[]', want: '"chat_template_kwargs" must be an object, found an array' },
  { body: '"add_generation_prompt":"yes"', want: '"add_generation_prompt" must be a boolean, found a string' },
  { body: '"continue_final_message":0', want: '"continue_final_message" must be a boolean, found a number' },
  {
    body: '"return_assistant_tokens_mask":1',
    want: '"return_assistant_tokens_mask" must be a boolean, found a number',
  },
  { body: '"stream":"true"', want: '"stream" must be a boolean, found a string' },
  { body: '"cache_salt":5', want: '"cache_salt" must be a string, found a number' },
  { body: '"model":5', want: '"model" must be a string, found a number' },
  { body: '"model":null', want: '"model" must be a string, found null' },
  { body: '"model":{"a":1}', want: '"model" must be a string, found an object' },
  { body: '"model":"a","model":"a"', want: '"model" must be given once' },
  { body: '"model":"a","mod\\u0065l":"b"', want: '"model" must be given once' },
  { body: `"model":"${"m".repeat(1_000_000)}"`, want: '"model" must be text of at most 4096 bytes' },
  { body: '"model":"\\ud800"', want: '"model" must be text of at most 4096 bytes' },
];
for (const { body, want } of badFields) {
  test(`E3 F54 F55 chat refuses ${body.slice(0, 40)}`, () => {
    const parsed = readJson(chatPath, `{"messages":[{"role":"user","content":"hi"}],${body}}`);
    assert.deepEqual(parsed, { kind: "invalid", message: `invalid chat completions request: ${want}` });
  });
}

test("E3 chat takes null for every optional field", () => {
  const nulls = Object.fromEntries(
    [
      "tools",
      "documents",
      "chat_template",
      "chat_template_kwargs",
      "add_generation_prompt",
      "stream",
      "cache_salt",
      "max_tokens",
    ].map((key) => [key, null]),
  );
  assert.equal(readJson(chatPath, { messages: [user], ...nulls }).kind, "parsed");
});

const bounds: readonly { name: string; fields: string; chat: number | undefined; text: number | undefined }[] = [
  { name: "max_tokens", fields: '"max_tokens":10', chat: 10, text: 10 },
  {
    name: "max_completion_tokens before max_tokens",
    fields: '"max_tokens":10,"max_completion_tokens":20',
    chat: 20,
    text: 10,
  },
  { name: "an explicit 0", fields: '"max_completion_tokens":0,"max_tokens":10', chat: 0, text: 10 },
  { name: "no negative bound", fields: '"max_completion_tokens":-1,"max_tokens":10', chat: 10, text: 10 },
  { name: "no fraction", fields: '"max_tokens":1.5', chat: undefined, text: undefined },
  { name: "an integer with a fraction of 0", fields: '"max_tokens":10.0', chat: 10, text: 10 },
  { name: "an integer with an exponent", fields: '"max_tokens":1e2', chat: 100, text: 100 },
  { name: "no bound beyond 2^53", fields: '"max_tokens":1e30', chat: undefined, text: undefined },
  { name: "no string", fields: '"max_tokens":"10"', chat: undefined, text: undefined },
  {
    name: "the last of repeated bounds",
    fields: '"max_tokens":10,"max_tokens":null',
    chat: undefined,
    text: undefined,
  },
  { name: "no nested bound", fields: '"x":{"max_tokens":10}', chat: undefined, text: undefined },
];
for (const { name, fields, chat, text } of bounds) {
  test(`E7 output bound: ${name}`, () => {
    assert.equal(readValid(chatPath, `{"messages":[{"role":"user"}],${fields}}`).maxOutputTokens, chat);
    assert.equal(readValid(completionsPath, `{"prompt":"x",${fields}}`).maxOutputTokens, text);
  });
}

test("E8 cache_salt is kept for both APIs, the last one counts", () => {
  assert.equal(readValid(completionsPath, '{"prompt":"x","cache_salt":"a","cache_salt":"b"}').cacheSalt, "b");
  assert.equal(readValid(chatPath, '{"cache_salt":"a","messages":[{"role":"user"}]}').cacheSalt, "a");
});

test("A6 a body without a model is no parser error", () => {
  const parsed = readValid(completionsPath, '{"prompt":"x"}');
  assert.equal(parsed.model, "");
  assert.equal(parsed.modelRange, undefined);
});

const unreadable: readonly { body: string; want: string }[] = [
  { body: "no healthy upstream", want: 'byte 1: expected "null", found "no"' },
  { body: "", want: "byte 0: expected a JSON value, found the end of the document" },
  { body: "null", want: "byte 0: expected an object, found null" },
  { body: " [1]", want: "byte 1: expected an object, found an array" },
  { body: "5", want: "byte 0: expected an object, found a number" },
];
for (const { body, want } of unreadable) {
  test(`A7 F51 body ${JSON.stringify(body)} is refused with its position`, () => {
    const message = `error unmarshaling request bodyMap: ${want}`;
    assert.deepEqual(readJson(completionsPath, body), { kind: "invalid", message });
    assert.deepEqual(readJson(chatPath, body), { kind: "invalid", message });
  });
}

test("F51 no message has more than one byte of a prompt", () => {
  const secret = "QZ";
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = Buffer.from(JSON.stringify({ messages: [{ role: "user", content: secret.repeat(9) }] }));
      bytes[at % bytes.length] = byte;
      const parsed = read(chatPath, [bytes]);
      if (parsed.kind === "invalid") assert.doesNotMatch(parsed.message, /QZ|ZQ/);
    }),
  );
});

for (const { name, bytes } of nastyDocuments) {
  test(`F51 F56 as a prompt's neighbour, ${name} gets the verdict of JSON.parse`, () => {
    const body = Buffer.concat([Buffer.from('{"model":"m","prompt":"x","y":'), bytes, Buffer.from("}")]);
    const isValid = parseWhole(body) !== undefined;
    assert.equal(read(completionsPath, [body]).kind, isValid ? "parsed" : "invalid");
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
}

test("prompt beyond the cap is cut and counted, tools first", () => {
  const content = "x".repeat(promptCapBytes);
  const parsed = readValid(chatPath, { messages: [{ role: "user", content }], tools: [1] });
  assert.equal(parsed.prompt.length, promptCapBytes);
  assert.equal(parsed.promptBytes, promptCapBytes + "[1]user".length);
  assert.equal(Buffer.from(parsed.prompt.subarray(0, 9)).toString(), "[1]userxx");
  const late = readValid(chatPath, { messages: [{ content, role: "user" }, user] });
  assert.equal(late.promptBytes, promptCapBytes + "useruserhi".length);
  assert.equal(Buffer.from(late.prompt.subarray(0, 6)).toString(), "userxx");
});

test("a parsed body is plain data that can be cloned", () => {
  const parsed = readValid(chatPath, { model: "m", messages: [user] });
  assert.deepEqual(structuredClone(parsed), parsed);
});

const anyString = fc.string({ unit: "binary", maxLength: 30 });
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\ufffd");
const otherField = fc.tuple(anyString, fc.jsonValue({ stringUnit: "binary" }));
const isFree = ([key]: [string, unknown]): boolean =>
  !["model", "prompt", "messages", "tools", "stream", "cache_salt", "max_tokens", "max_completion_tokens"].includes(
    key,
  );

/** JSON text of an object whose members come in the given order, non-ASCII escaped or not. */
function write(members: readonly [string, unknown][], isEscaped: boolean): Buffer {
  const text = `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(" ,")}}`;
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return Buffer.from(isEscaped ? text.replace(/[\u007f-\uffff]/g, escape) : text);
}

test("completions body cut anywhere reads as JSON.parse reads it whole", () => {
  const prompt = fc.oneof(
    anyString.filter((text) => text !== ""),
    fc.array(anyString, { minLength: 1 }).filter((list) => list.join("") !== ""),
  );
  const request = fc.record({
    model: fc.string({ unit: "grapheme" }),
    prompt,
    stream: fc.boolean(),
    others: fc.array(otherField),
  });
  fc.assert(
    fc.property(request, fc.boolean(), cuts, (fields, isEscaped, places) => {
      const { others, ...known } = fields;
      const bytes = write([...others.filter(isFree), ...Object.entries(known)], isEscaped);
      const parsed = read(completionsPath, cutAt(bytes, places));
      const whole = parseWhole(bytes)?.value as typeof known;
      assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
      assert.equal(parsed.model, whole.model);
      assert.equal(parsed.streaming, whole.stream);
      assert.equal(Buffer.from(parsed.prompt).toString(), [whole.prompt].flat().map(wellFormed).join(""));
      const range = parsed.modelRange ?? { start: 0, end: 0 };
      assert.equal(JSON.parse(bytes.subarray(range.start, range.end).toString()), whole.model);
    }),
    { numRuns: 300 },
  );
});

test("chat body cut anywhere reads as JSON.parse reads it whole", () => {
  const message = fc.tuple(fc.constantFrom("user", "assistant", "system"), anyString, fc.boolean(), fc.boolean());
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1 }),
      fc.array(otherField),
      fc.boolean(),
      cuts,
      (messages, others, isEscaped, places) => {
        const list = messages.map(([role, text, asBlocks, roleLast]) => {
          const content = asBlocks ? [{ type: "text", text }] : text;
          return roleLast ? { content, role } : { role, content };
        });
        const bytes = write([["messages", list], ...others.filter(isFree)], isEscaped);
        const parsed = read(chatPath, cutAt(bytes, places));
        assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
        const want = messages.map(([role, text]) => role + wellFormed(text)).join("");
        assert.equal(Buffer.from(parsed.prompt).toString(), want);
        assert.equal(parsed.promptBytes, Buffer.byteLength(want));
      },
    ),
    { numRuns: 300 },
  );
});
