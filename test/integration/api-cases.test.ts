import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, isLastOfRequest } from "../support/exchanges.ts";
import {
  type Answer,
  type EnvoyStream,
  type HeaderPairs,
  removedHeaders,
  setHeaders,
} from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { grpcFrame, vllmMethod, vllmRequest, vllmResponse } from "../support/vllm-grpc.ts";

const grpcPath = "/vllm.grpc.engine.VllmEngine";
const nobody = 'model_name="",target_model_name="",fairness_id="default-flow",priority="0"';
const named = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"';
const json: HeaderPairs = [
  [":status", "200"],
  ["content-type", "application/json"],
];
const sse: HeaderPairs = [
  [":status", "200"],
  ["content-type", "text/event-stream"],
];

/** A config with these request parsers, in this order. */
function parsersConfig(...types: string[]): string {
  return `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: queue-scorer
  - type: prefix-cache-scorer
${types.map((type) => `  - type: ${type}\n`).join("")}requestHandler:
  parsers:
${types.map((type) => `    - pluginRef: ${type}\n`).join("")}`;
}

/** A picker before a loaded and an idle server, and the idle one's address. */
async function aPicker(t: TestContext, ...parsers: string[]): Promise<TestPicker & { idle: string }> {
  const servers = [await startFakeModelServer(t, { waiting: 9 }), await startFakeModelServer(t, { waiting: 0 })];
  const config = parsers.length > 0 ? { config: parsersConfig(...parsers) } : {};
  return { ...(await startTestPicker(t, servers, config)), idle: servers[1]?.address ?? "" };
}

interface Asked {
  readonly stream: EnvoyStream;
  readonly answers: Answer[];
  /** Where the request goes, or the status it is refused with. */
  readonly destination: string | number | undefined;
  /** The body that is forwarded, or the text of the refusal. */
  readonly body: Buffer;
}

/** Sends one request, its body in these pieces; the stream stays open. */
async function ask(
  picker: TestPicker,
  path: string,
  pieces: readonly (string | Uint8Array)[],
  more: HeaderPairs = [],
): Promise<Asked> {
  const headers = [[":method", "POST"], [":path", path], ["x-request-id", "request-1"], ...more] as const;
  const stream = picker.open().requestHeaders(headers);
  pieces.forEach((piece, index) => stream.requestBody(piece, index === pieces.length - 1));
  const answers = await stream.until(isLastOfRequest);
  const [first = {}] = answers;
  const refusal = first.immediate_response;
  if (refusal !== undefined)
    return { stream, answers, destination: refusal.status?.code, body: refusal.body ?? Buffer.alloc(0) };
  return { stream, answers, destination: setHeaders(first)["x-gateway-destination-endpoint"], body: bytesOf(answers) };
}

/** The bytes of every streamed answer, joined. */
function bytesOf(answers: readonly Answer[]): Buffer {
  return Buffer.concat(
    answers.map(({ request_body: request, response_body: response }) => {
      const common = request?.response ?? response?.response;
      return common?.body_mutation?.streamed_response?.body ?? Buffer.alloc(0);
    }),
  );
}

/** Sends a response in these chunks, half-closes and returns what the picker answered. */
async function respond(
  stream: EnvoyStream,
  headers: HeaderPairs,
  chunks: readonly (string | Uint8Array)[],
): Promise<Answer[]> {
  stream.responseHeaders(headers);
  chunks.forEach((chunk, index) => stream.responseBody(chunk, index === chunks.length - 1));
  assert.equal(await stream.close(), undefined, "the stream ends without an error");
  return stream.answers;
}

test("A16 passthrough forwards any bytes as they are, in no model's name", async (t) => {
  const picker = await aPicker(t, "passthrough-parser");
  const raw = Buffer.from([0xff, 0, 0x7b, 0x22, 0xc3, 0x28]);
  const { stream, destination, body } = await ask(picker, "/v1/completions", [raw], [["content-encoding", "gzip"]]);
  assert.equal(destination, picker.idle);
  assert.deepEqual(body, raw);
  assert.equal(await picker.sample(`llm_d_epp_request_total{${nobody}}`), 1);
  const answers = await respond(stream, json, ["not ", "json"]);
  assert.equal(bytesOf(answers).toString(), "not json");
  assert.equal(answers.length, 3, "relayed chunk by chunk");
});

test("A19 a body whose model stays is forwarded unchanged, with its length", async (t) => {
  const picker = await aPicker(t);
  const body = ` {"prompt":"<&>é", "z":12345678901234567890,"model" : "base"}`;
  const length = String(Buffer.byteLength(body));
  const asked = await ask(
    picker,
    "/v1/completions",
    [body],
    [
      ["content-length", length],
      ["x-llm-d-model-name-rewrite", "base"],
    ],
  );
  assert.equal(asked.body.toString(), body);
  assert.equal(setHeaders(asked.answers[0] ?? {})["content-length"], length);
  await asked.stream.close();
});

const generate = vllmRequest("Generate", { text: "hello", sampling_params: { max_tokens: 5 }, stream: true });
const embed = vllmRequest("Embed", { tokenized: { input_ids: [1, 2, 3] } });
const grpcCalls: readonly [id: string, method: string, pieces: Uint8Array[]][] = [
  ["A20", "Generate", [generate]],
  ["A21", "Embed", [embed]],
  ["A22", "Generate", [generate.subarray(0, 3), generate.subarray(3, 9), generate.subarray(9)]],
];
for (const [id, method, pieces] of grpcCalls) {
  test(`${id} routes a vLLM gRPC ${method} in ${pieces.length} pieces and forwards its bytes unchanged`, async (t) => {
    const picker = await aPicker(t, "vllmgrpc-parser", "passthrough-parser");
    const headers: HeaderPairs = [
      ["content-type", "application/grpc"],
      ["x-llm-d-model-name-rewrite", "other"],
    ];
    const asked = await ask(picker, `${grpcPath}/${method}`, pieces, headers);
    assert.equal(asked.destination, picker.idle);
    assert.deepEqual(asked.body, Buffer.concat(pieces));
    assert.equal(
      await picker.sample(`llm_d_epp_request_total{${nobody.replace('name="",fair', 'name="other",fair')}}`),
      1,
    );
    await asked.stream.close();
  });
}

test("A23 a compressed or broken frame is refused with 400", async (t) => {
  const picker = await aPicker(t, "vllmgrpc-parser");
  for (const body of [grpcFrame(Buffer.from("x"), 1), generate.subarray(0, -1), Buffer.from("{}")]) {
    const asked = await ask(picker, `${grpcPath}/Generate`, [body]);
    assert.equal(asked.destination, 400);
    assert.equal(asked.body.toString(), "inference error: BadRequest - invalid or unsupported gRPC payload");
    assert.equal(await asked.stream.over, undefined);
  }
});

test("a vLLM gRPC response is relayed frame by frame, its complete message counted, and ends with trailers", async (t) => {
  const picker = await aPicker(t, "vllmgrpc-parser");
  const { stream } = await ask(picker, `${grpcPath}/Generate`, [generate]);
  const complete = { finish_reason: "stop", prompt_tokens: 300, completion_tokens: 10, cached_tokens: 256 };
  const body = vllmResponse("Generate", [{ chunk: { token_ids: [1], prompt_tokens: 300 } }, { complete }]);
  stream.responseHeaders([
    [":status", "200"],
    ["content-type", "application/grpc"],
  ]);
  for (const at of [0, 7, 14, 21]) stream.responseBody(body.subarray(at, at === 21 ? undefined : at + 7));
  stream.responseTrailers();
  assert.equal(await stream.close(), undefined);
  assert.equal(stream.answers.length, 6, "headers, four pieces, trailers");
  assert.deepEqual(bytesOf(stream.answers), body);
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${nobody}}`), 300);
  assert.equal(await picker.sample(`llm_d_epp_request_output_tokens_sum{${nobody}}`), 10);
});

const cachedUsage = '"prompt_tokens":7,"completion_tokens":10,"total_tokens":17';
const cachedTokens: readonly [what: string, headers: HeaderPairs, body: string][] = [
  ["chat", json, `{"usage":{${cachedUsage},"prompt_tokens_details":{"cached_tokens":4}}}`],
  ["responses", json, '{"usage":{"input_tokens":7,"output_tokens":10,"input_tokens_details":{"cached_tokens":4}}}'],
  ["a stream", sse, `data: {"usage":{${cachedUsage},"prompt_tokens_details":{"cached_tokens":4}}}\n\n`],
  [
    "a responses stream",
    sse,
    'data: {"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":10,"input_tokens_details":{"cached_tokens":4}}}}\n\n',
  ],
];
for (const [what, headers, body] of cachedTokens) {
  test(`B11 counts cached tokens of ${what}`, async (t) => {
    const picker = await aPicker(t);
    const { stream } = await ask(picker, "/v1/completions", [completion("base")]);
    await respond(stream, headers, [body.slice(0, 30), body.slice(30)]);
    assert.equal(await picker.sample(`llm_d_epp_request_cached_tokens_sum{${named}}`), 4);
    assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${named}}`), 7);
    assert.equal(await picker.sample(`llm_d_epp_request_output_tokens_sum{${named}}`), 10);
  });
}

const message = JSON.stringify({ model: "base", max_tokens: 5, messages: [{ role: "user", content: "hi" }] });

test("B13 adds Anthropic's counts up over chunks and restores the model in message.model", async (t) => {
  const picker = await aPicker(t);
  const { stream, body } = await ask(picker, "/v1/messages", [message], [["x-llm-d-model-name-rewrite", "target"]]);
  assert.equal(body.toString(), message.replace('"base"', '"target"'));
  const start =
    'event: message_start\ndata: {"type":"message_start","message":{"model":"target","usage":{"input_tokens":25,"cache_read_input_tokens":20,"output_tokens":1}}}\n\n';
  const delta = 'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n';
  const at = start.indexOf("arget");
  const answers = await respond(stream, sse, [
    start.slice(0, at),
    start.slice(at) + delta.slice(0, 40),
    delta.slice(40),
  ]);
  assert.equal(bytesOf(answers).toString(), start.replace('"target"', '"base"') + delta);
  const labels = named.replace('target_model_name="base"', 'target_model_name="target"');
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${labels}}`), 25);
  assert.equal(await picker.sample(`llm_d_epp_request_output_tokens_sum{${labels}}`), 15);
  assert.equal(await picker.sample(`llm_d_epp_request_cached_tokens_sum{${labels}}`), 20);
});

for (const usage of [
  '"7"',
  "[1]",
  '{"prompt_tokens":[],"completion_tokens":{"a":1}}',
  "true",
  '{"prompt_tokens":"x"}',
]) {
  test(`B14 a usage of ${usage} counts nothing and harms nobody`, async (t) => {
    const picker = await aPicker(t);
    const { stream } = await ask(picker, "/v1/completions", [completion("base")]);
    const body = `{"usage":${usage}}`;
    assert.equal(bytesOf(await respond(stream, json, [body])).toString(), body);
    assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_count{${named}}`), undefined);
  });
}

test("B14 numeric strings count", async (t) => {
  const picker = await aPicker(t);
  const { stream } = await ask(picker, "/v1/completions", [completion("base")]);
  await respond(stream, json, ['{"usage":{"prompt_tokens":"7","completion_tokens":"10"}}']);
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${named}}`), 7);
});

const skipped: readonly [path: string, body: string][] = [
  ["/v1/messages/count_tokens", ""],
  ["/v1/messages/count_tokens", "no JSON"],
  [`${grpcPath}/HealthCheck`, "\0\0\0\0\0"],
];
for (const [path, body] of skipped) {
  test(`B20 E9 ${path} with ${JSON.stringify(body)} is forwarded raw; the stream ends well after an unread response`, async (t) => {
    const picker = await aPicker(t, "anthropic-parser", "vllmgrpc-parser");
    const asked = await ask(picker, path, [body]);
    assert.equal(asked.destination, picker.idle);
    assert.equal(asked.body.toString(), body);
    const chunks = ['{"usage":{"prompt_tokens":7},', '"model":"x"}'];
    const answers = await respond(asked.stream, json, chunks);
    assert.deepEqual(removedHeaders(answers[0] ?? {}), []);
    assert.equal(answers.length, 3, "each chunk goes out as it comes");
    assert.equal(bytesOf(answers).toString(), chunks.join(""));
    assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_count{${nobody}}`), undefined);
    assert.equal(picker.picker.store.ledger.total, 0);
  });
}

test("E1 G6 an explicit list of parsers keeps its own fallback", async (t) => {
  const picker = await aPicker(t, "openai-parser");
  const asked = await ask(picker, "/v1/messages?beta=true", [message]);
  assert.equal(asked.destination, 400);
  const want = "inference error: BadRequest - no parser registered matching path suffix for: /v1/messages?beta=true";
  assert.equal(asked.body.toString(), want);
});

const refused: readonly [id: string, path: string, body: object, want: string][] = [
  ["E2", "/v1/completions", { model: "m", prompt: [""] }, "invalid completions request: must have prompt field"],
  [
    "E3",
    "/v1/chat/completions",
    { model: "m", messages: [] },
    "invalid chat completions request: must have valid messages field",
  ],
  ["E4", "/v1/embeddings", { model: "m", input: null }, "invalid embeddings request: must have input field"],
  ["E4", "/v1/images/generations", { model: "m" }, "invalid images generations request: must have prompt field"],
  ["E4", "/v1/images/generations", { prompt: "a cat" }, "model not found in request body"],
  ["E4", "/v1/responses", { model: "m" }, "invalid responses request: must have input field"],
  [
    "E6",
    "/v1/chat/completions/render/",
    { model: "m" },
    "invalid chat completions request: must have valid messages field",
  ],
  ["E9", "/v1/messages", { model: "m", messages: [] }, "invalid messages request: must have at least one message"],
];
test("E2 E3 E4 E6 E9 bodies that are not of their API are refused with 400 and why", async (t) => {
  const picker = await aPicker(t);
  for (const [id, path, body, want] of refused) {
    const asked = await ask(picker, path, [JSON.stringify(body)]);
    assert.equal(asked.destination, 400, `${id} ${path}`);
    assert.equal(asked.body.toString(), `inference error: BadRequest - ${want}`);
  }
});

const accepted: readonly [path: string, body: object][] = [
  ["/v1/chat/completions/render", { model: "base", messages: [{ role: "user", content: "hi" }] }],
  ["/v1/completions/render", { model: "base", prompt: "hi" }],
  ["/v1/embeddings", { model: "base", input: ["a", "b"] }],
  ["/v1/responses", { model: "base", input: "hi" }],
  ["/v1/conversations", { model: "base", items: [{ role: "user", content: "hi" }] }],
  ["/v1/images/generations", { model: "base", prompt: "a cat" }],
  ["/v1/messages", { model: "base", messages: [{ role: "user", content: "hi" }] }],
  ["/inference/v1/generate", { model: "base", token_ids: [1, 2, 3] }],
];
test("E6 every API is routed and its model rewritten in place", async (t) => {
  const picker = await aPicker(t);
  for (const [path, body] of accepted) {
    const text = JSON.stringify(body);
    const asked = await ask(
      picker,
      path,
      [text.slice(0, 12), text.slice(12)],
      [["x-llm-d-model-name-rewrite", "target"]],
    );
    assert.equal(asked.destination, picker.idle, path);
    assert.equal(asked.body.toString(), text.replace('"base"', '"target"'));
    await asked.stream.close();
  }
});

test("a rewrite supplies the model that a body does not name", async (t) => {
  const picker = await aPicker(t);
  const asked = await ask(
    picker,
    "/v1/images/generations",
    [' {"prompt":"a cat"}'],
    [["x-llm-d-model-name-rewrite", "target"]],
  );
  assert.equal(asked.body.toString(), ' {"model":"target","prompt":"a cat"}');
  await asked.stream.close();
});

test("3.5 SGLang's generate needs no model, keeps its body under a rewrite and counts meta_info", async (t) => {
  const picker = await aPicker(t, "sglanghttp-parser");
  const body = '{"input_ids":[1,2,3],"model":5,"sampling_params":{"max_new_tokens":4}}';
  const asked = await ask(picker, "/generate", [body], [["x-llm-d-model-name-rewrite", "target"]]);
  assert.equal(asked.destination, picker.idle);
  assert.equal(asked.body.toString(), body);
  const info = '{"finish_reason":{"type":"stop"},"prompt_tokens":3,"completion_tokens":4,"cached_tokens":2}';
  await respond(asked.stream, json, [`{"text":"x","meta_info":${info}}`]);
  const labels = nobody.replace('target_model_name=""', 'target_model_name="target"');
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${labels}}`), 3);
  assert.equal(await picker.sample(`llm_d_epp_request_cached_tokens_sum{${labels}}`), 2);
});

const brokenEarly: readonly [what: string, path: string, start: string | Uint8Array, status: number][] = [
  ["text", "/v1/completions", "no healthy upstream", 400],
  ["a list", "/v1/completions", "[", 400],
  ["65 nested lists", "/v1/completions", `{"a":${"[".repeat(65)}`, 400],
  ["100,001 keys", "/v1/completions", `{${'"a":1,'.repeat(100_001)}`, 400],
  ["a compressed body", "/v1/completions", "\x1f\x8b", 415],
  ["a compressed frame", `${grpcPath}/Generate`, Buffer.from([1, 0xff, 0xff, 0xff, 0xff]), 400],
];
for (const [what, path, start, status] of brokenEarly) {
  test(`F52 ${what} is refused before the body's end`, async (t) => {
    const picker = await aPicker(t, "openai-parser", "vllmgrpc-parser");
    const headers: HeaderPairs = [
      [":method", "POST"],
      [":path", path],
      ...(status === 415 ? [["content-encoding", "gzip"] as const] : []),
    ];
    const stream = picker.open().requestHeaders(headers).requestBody(start, false);
    assert.equal((await stream.next()).immediate_response?.status?.code, status);
    assert.equal(await stream.over, undefined);
  });
}

test("F54 F55 a model that is repeated, empty or no string is refused with 400", async (t) => {
  const picker = await aPicker(t);
  for (const model of ['"model":"a","model":"b"', '"model":""', '"model":{}', `"model":"${"m".repeat(1_000_000)}"`]) {
    const { destination, body } = await ask(picker, "/v1/completions", [`{${model},"prompt":"hi"}`]);
    assert.equal(destination, 400, model.slice(0, 30));
    assert.doesNotMatch(body.toString(), /object Object/);
  }
});

test("10.5 each prompt of a list finds the server that had it", async (t) => {
  const servers = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const picker = await startTestPicker(t, servers, {
    config: parsersConfig("openai-parser").replace("  - type: queue-scorer\n", ""),
  });
  const [one, two] = ["first prompt ".repeat(100), "second prompt ".repeat(100)];
  const listed = await ask(picker, "/v1/completions", [completion("base", [one, two] as unknown as string)]);
  for (let i = 0; i < 8; i++) {
    const { destination, stream } = await ask(picker, "/v1/completions", [completion("base", i % 2 === 0 ? two : one)]);
    assert.equal(destination, listed.destination);
    await stream.close();
  }
  await listed.stream.close();
});

test("a gRPC frame as the server library writes it is what the reader takes", () => {
  const { requestSerialize } = vllmMethod("Generate");
  assert.deepEqual(grpcFrame(requestSerialize({ text: "x" })), vllmRequest("Generate", { text: "x" }));
});
