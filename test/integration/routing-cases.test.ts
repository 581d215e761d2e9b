import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits } from "../../src/extproc/limits.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, destinationOf, isLastOfRequest, requestAnswers } from "../support/exchanges.ts";
import { type Answer, removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";

const allScorers = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: queue-scorer
  - type: kv-cache-utilization-scorer
  - type: prefix-cache-scorer
  - type: lora-affinity-scorer
`;

/** A page that also says which adapters run. */
function pageWithAdapters(waiting: number, kvCacheRatio: number, adapters: string): string {
  return `${renderPage({ waiting, running: 0, kvCacheRatio })}# TYPE vllm:lora_requests_info gauge
vllm:lora_requests_info{max_lora="2",running_lora_adapters="${adapters}",waiting_lora_adapters=""} 1.7e9
`;
}

test("A1 routes a completion to the endpoint with the least load and counts it", async (t) => {
  const servers = [
    await startFakeModelServer(t, { waiting: 3, kvCacheRatio: 0.2 }),
    await startFakeModelServer(t, { waiting: 0, kvCacheRatio: 0.1 }),
    await startFakeModelServer(t, { waiting: 10, kvCacheRatio: 0.2 }),
  ];
  const picker = await startTestPicker(t, servers, { config: allScorers });
  const stream = picker.open();
  stream.requestHeaders(completionHeaders).requestBody(completion("my-model"));
  const [headers, body] = await stream.until(isLastOfRequest);
  assert.equal(setHeaders(headers as Answer)["x-gateway-destination-endpoint"], servers[1]?.address);
  assert.equal(headers?.request_headers?.response?.clear_route_cache, true);
  assert.deepEqual(streamed(body as Answer), { body: completion("my-model"), endOfStream: true });
  const labels = 'model_name="my-model",target_model_name="my-model",fairness_id="default-flow",priority="0"';
  assert.equal(await picker.sample(`llm_d_epp_request_total{${labels}}`), 1);
  assert.equal(await picker.sample(`llm_d_epp_request_running{${labels}}`), 1);
  assert.equal(await picker.sample('llm_d_epp_ready_endpoints{name="pool"}'), 3);
  assert.equal(
    await picker.sample(
      'inference_objective_request_total{model_name="my-model",target_model_name="my-model",priority="0"}',
    ),
    1,
  );
  await stream.close();
  assert.equal(await picker.sample(`llm_d_epp_request_running{${labels}}`), 0);
  assert.equal(picker.picker.store.ledger.total, 0);
});

test("A2 prefers the endpoint that runs the adapter, even with a fuller cache", async (t) => {
  const servers = [];
  for (const [kvCacheRatio, adapters] of [
    [0.2, "foo,bar"],
    [0.4, "foo,sql-lora-1fdg2"],
    [0.3, "foo,bar"],
  ] as const) {
    const server = await startFakeModelServer(t);
    server.answerWith((_request, response) => sendPage(response, pageWithAdapters(10, kvCacheRatio, adapters)));
    servers.push(server);
  }
  const picker = await startTestPicker(t, servers, { config: allScorers });
  assert.equal(await destinationOf(picker, completion("sql-lora-1fdg2")), servers[1]?.address);
});

test("A3 sheds nothing of priority 0 and more when every endpoint is loaded", async (t) => {
  const servers = [];
  for (const [waiting, kvCacheRatio, adapters] of [
    [6, 0.2, "sql-lora-1fdg2"],
    [0, 0.85, ""],
    [10, 0.9, ""],
  ] as const) {
    const server = await startFakeModelServer(t);
    server.answerWith((_request, response) => sendPage(response, pageWithAdapters(waiting, kvCacheRatio, adapters)));
    servers.push(server);
  }
  const picker = await startTestPicker(t, servers, { config: allScorers });
  const headers = [...completionHeaders, ["x-llm-d-inference-objective", "sql-lora"]] as const;
  assert.equal(await destinationOf(picker, completion("sql-lora-1fdg2"), headers), servers[0]?.address);
});

test("A4 refuses a header-only request with 503 when the pool is empty", async (t) => {
  const picker = await startTestPicker(t, []);
  const stream = picker.open().requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  const { immediate_response: refusal } = await stream.next();
  assert.equal(refusal?.status?.code, 503);
  assert.match(String(refusal?.body), /^inference error: ServiceUnavailable - /);
  assert.equal(
    setHeaders({ ...(refusal && { immediate_response: refusal }) })["x-llm-d-request-dropped-reason"],
    "rejected-no-endpoints",
  );
  assert.equal(await stream.over, undefined, "the stream ends without a gRPC error");
});

test("A5 gives a header-only request an endpoint, no body answer, and keeps the stream for the response", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const stream = picker.open().requestHeaders(
    [
      [":method", "GET"],
      [":path", "/v1/models"],
    ],
    true,
  );
  const answer = await stream.next();
  assert.equal(setHeaders(answer)["x-gateway-destination-endpoint"], server.address);
  stream
    .responseHeaders([
      [":status", "200"],
      ["content-type", "application/json"],
    ])
    .responseBody("{}", true);
  assert.ok((await stream.next()).response_headers, "the next answer is the response's: none was owed for a body");
  assert.deepEqual(streamed(await stream.next()), { body: "{}", endOfStream: true });
  assert.equal(await stream.close(), undefined);
});

for (const pods of [0, 1]) {
  test(`A6 refuses JSON without a model with 400, with ${pods} endpoints`, async (t) => {
    const servers = pods === 0 ? [] : [await startFakeModelServer(t)];
    const picker = await startTestPicker(t, servers);
    const [answer] = await requestAnswers(picker, JSON.stringify({ prompt: "hello" }));
    assert.equal(answer?.immediate_response?.status?.code, 400);
    assert.equal(
      String(answer?.immediate_response?.body),
      "inference error: BadRequest - model not found in request body",
    );
  });
}

test("A7 refuses a body that is no JSON with 400 and names the place", async (t) => {
  const picker = await startTestPicker(t, []);
  const [answer] = await requestAnswers(picker, "no healthy upstream");
  assert.equal(answer?.immediate_response?.status?.code, 400);
  const text = String(answer?.immediate_response?.body);
  assert.match(text, /^inference error: BadRequest - error unmarshaling request bodyMap: byte \d+/);
  assert.doesNotMatch(text, /healthy upstream/, "content of the body stays out of the answer");
});

test("A8 joins a body cut inside a string and rewrites its model", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const body = '{"max_tokens":9007199254740993,"model":"base","prompt":"to be or not"}';
  const stream = picker.open();
  stream.requestHeaders([...completionHeaders, ["x-llm-d-model-name-rewrite", "adapter-7"], ["content-length", "70"]]);
  stream.requestBody(body.slice(0, 55), false).requestBody(body.slice(55));
  const [headers, forwarded] = await stream.until(isLastOfRequest);
  const want = body.replace('"base"', '"adapter-7"');
  assert.deepEqual(streamed(forwarded as Answer), { body: want, endOfStream: true });
  assert.equal(setHeaders(headers as Answer)["content-length"], String(want.length));
  assert.deepEqual(removedHeaders(headers as Answer), ["x-llm-d-model-name-rewrite"]);
  await stream.close();
});

const sizes: readonly [id: string, bytes: number, want: number[]][] = [
  ["A24", 62_001, [62_000, 1]],
  ["A24", 150_000, [62_000, 62_000, 26_000]],
  ["A25", 62_000, [62_000]],
];
for (const [id, bytes, want] of sizes) {
  test(`${id} answers a body of ${bytes} bytes in pieces of ${want.join(", ")}`, async (t) => {
    const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
    const empty = completion("base", "");
    const body = completion("base", "x".repeat(bytes - empty.length));
    const stream = picker.open().requestHeaders(completionHeaders);
    for (let at = 0; at < bytes; at += 50_000) stream.requestBody(body.slice(at, at + 50_000), at + 50_000 >= bytes);
    const [, ...pieces] = (await stream.until(isLastOfRequest)).map((answer, index) =>
      index === 0 ? undefined : streamed(answer),
    );
    assert.deepEqual(
      pieces.map((piece) => piece?.body.length),
      want,
    );
    assert.deepEqual(
      pieces.map((piece) => piece?.endOfStream),
      want.map((_, index) => index === want.length - 1),
    );
    assert.equal(pieces.map((piece) => piece?.body).join(""), body);
    await stream.close();
  });
}

test("A27 answers an empty body with one empty piece", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const stream = picker.open();
  stream
    .requestHeaders([
      [":method", "POST"],
      [":path", "/tokenize"],
    ])
    .requestBody("");
  const [headers, ...pieces] = await stream.until(isLastOfRequest);
  assert.equal(setHeaders(headers as Answer)["x-gateway-destination-endpoint"], server.address);
  assert.deepEqual(pieces.map(streamed), [{ body: "", endOfStream: true }]);
  await stream.close();
});

test("A28 ends the stream of a message over 4 MiB and serves the next one", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const stream = picker.open();
  stream.requestHeaders(completionHeaders).requestBody(Buffer.alloc(4 * 1024 * 1024 + 1, "x"));
  const failure = await stream.over;
  assert.match(String(failure), /RESOURCE_EXHAUSTED/);
  assert.equal(await destinationOf(picker, completion("base")), server.address);
  assert.equal(picker.picker.store.ledger.total, 0);
});

test("request trailers end the body, and are answered after it", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const stream = picker.open();
  stream.requestHeaders(completionHeaders).requestBody(completion("base"), false).requestTrailers();
  const answers = await stream.until((answer) => answer.request_trailers !== undefined);
  assert.equal(answers.length, 3);
  assert.deepEqual(streamed(answers[1] as Answer), { body: completion("base"), endOfStream: false });
  await stream.close();
});

test("a body over the cap is refused with 413 before its end", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)], {
    limits: { ...defaultLimits, bodyBytes: 1000 },
  });
  const stream = picker.open().requestHeaders(completionHeaders).requestBody("x".repeat(1001), false);
  const answer = await stream.next();
  assert.equal(answer.immediate_response?.status?.code, 413);
  assert.equal(
    String(answer.immediate_response?.body),
    "inference error: PayloadTooLarge - request body is larger than 1000 bytes",
  );
});

test("a compressed body is refused with 415", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const [answer] = await requestAnswers(picker, "\x1f\x8b", [...completionHeaders, ["content-encoding", "gzip"]]);
  assert.equal(answer?.immediate_response?.status?.code, 415);
});

const codings: readonly (readonly [values: readonly string[], isTaken: boolean])[] = [
  [["identity"], true],
  [[""], true],
  [[" Identity , identity"], true],
  [["gzip", "identity"], false],
  [["identity, br"], false],
  [["identity", "X-Unknown"], false],
  [[`z${"z".repeat(10_000)}\u001b[31m`], false],
];
for (const [values, isTaken] of codings) {
  const name = values.join(" and ").slice(0, 40);
  test(`T14 a body of content-encoding "${name}" is ${isTaken ? "taken" : "refused with 415"}`, async (t) => {
    const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
    const headers = values.map((value) => ["content-encoding", value] as const);
    const [answer] = await requestAnswers(picker, completion("base"), [...completionHeaders, ...headers]);
    assert.equal(answer?.immediate_response?.status?.code, isTaken ? undefined : 415);
    const text = String(answer?.immediate_response?.body ?? "");
    assert.ok(text.length < 300 && !text.includes("\u001b"), "no room for a client to write in");
  });
}

test("messages out of order end their stream only", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const stream = picker.open().requestBody("{}");
  assert.match(
    String(await stream.over),
    /INVALID_ARGUMENT.*Cannot take request body: the request is awaiting headers/,
  );
  assert.equal(await picker.sample('epp_illegal_messages_total{reason="out-of-order"}'), 1);
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});

test("bytes that are no ext_proc message end their stream only", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const stream = picker.open().requestHeaders([["x-name-that-is-not-utf8", "value"]]);
  const { call } = stream as unknown as { call: { write: (message: object) => void } };
  call.write({ request_headers: { headers: { headers: [{ key: "\ud800" }] } } });
  await stream.over;
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});
