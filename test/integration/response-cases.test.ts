import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { defaultLimits } from "../../src/extproc/limits.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { type EnvoyStream, removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const json = [
  [":status", "200"],
  ["content-type", "application/json"],
] as const;
const sse = [
  [":status", "200"],
  ["content-type", "text/event-stream; charset=utf-8"],
] as const;
const usage = '{"prompt_tokens":7,"completion_tokens":10,"total_tokens":17}';
const labels = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"';

async function aPicker(t: TestContext): Promise<TestPicker> {
  return startTestPicker(t, [await startFakeModelServer(t)]);
}

/** A stream whose request was routed; its answers are taken. */
async function routed(
  picker: TestPicker,
  body = completion("base"),
  more: [string, string][] = [],
): Promise<EnvoyStream> {
  const stream = picker
    .open()
    .requestHeaders([...completionHeaders, ...more])
    .requestBody(body);
  await stream.until(isLastOfRequest);
  return stream;
}

/** Sends response messages, half-closes and returns every answer. */
async function answersTo(stream: EnvoyStream, send: (stream: EnvoyStream) => void): Promise<EnvoyStream["answers"]> {
  send(stream);
  assert.equal(await stream.close(), undefined);
  return stream.answers;
}

test("B1 answers a JSON response's headers at once and its body whole after the last chunk", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker);
  stream.responseHeaders(json);
  const headers = await stream.next();
  assert.deepEqual(setHeaders(headers), { "x-went-into-resp-headers": "true" });
  assert.deepEqual(removedHeaders(headers), [], "content-type and all others stay as they are");
  const answers = await answersTo(stream, (open) =>
    open.responseBody('{"max_tok', false).responseBody('ens":1}', true),
  );
  assert.deepEqual(answers.map(streamed), [{ body: '{"max_tokens":1}', endOfStream: true }]);
});

test("B1 holds for a stream without a request phase", async (t) => {
  const picker = await aPicker(t);
  const answers = await answersTo(picker.open(), (open) =>
    open.responseHeaders(json).responseBody("{}", false).responseBody("", true),
  );
  assert.deepEqual(answers.slice(1).map(streamed), [{ body: "{}", endOfStream: true }]);
});

test("B2 forwards a response that is no JSON unchanged", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker);
  const answers = await answersTo(stream, (open) =>
    open.responseHeaders(json).responseBody("no healthy upstream", true),
  );
  assert.deepEqual(answers.slice(1).map(streamed), [{ body: "no healthy upstream", endOfStream: true }]);
});

test("B4 relays an event stream chunk by chunk and counts its usage", async (t) => {
  const picker = await aPicker(t);
  const chunks = ["data: {}\n\n", `data: {"usage":${usage}}\n\ndata: [DONE]\n\n`, ""];
  const answers = await answersTo(picker.open(), (open) => {
    open.responseHeaders(sse);
    for (const [index, chunk] of chunks.entries()) open.responseBody(chunk, index === 2);
  });
  assert.deepEqual(
    answers.slice(1).map(streamed),
    chunks.map((body, index) => ({ body, endOfStream: index === 2 })),
  );
  const nobody = 'model_name="",target_model_name="",fairness_id="",priority="0"';
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${nobody}}`), 7);
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_count{${nobody}}`), 1);
});

test("B5 relays chunks without an end and then answers the trailers", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker, completion("base", "hi", { stream: true }));
  const answers = await answersTo(stream, (open) =>
    open.responseHeaders(sse).responseBody("data: 1\n\n").responseBody("data: 2\n\n").responseTrailers(),
  );
  assert.deepEqual(answers.slice(1, 3).map(streamed), [
    { body: "data: 1\n\n", endOfStream: false },
    { body: "data: 2\n\n", endOfStream: false },
  ]);
  assert.ok(answers[3]?.response_trailers);
  assert.equal(answers.length, 4);
});

test("a held response that ends with trailers goes out before them, without an end", async (t) => {
  const picker = await aPicker(t);
  const answers = await answersTo(await routed(picker), (open) =>
    open.responseHeaders(json).responseBody("{}").responseTrailers(),
  );
  assert.deepEqual(streamed(answers[1] ?? {}), { body: "{}", endOfStream: false });
  assert.ok(answers[2]?.response_trailers);
});

test("B7 relays a JSON answer to a streaming request chunk by chunk", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker, completion("base", "hi", { stream: true }));
  const answers = await answersTo(stream, (open) =>
    open.responseHeaders(json).responseBody('{"a":').responseBody("1}", true),
  );
  assert.deepEqual(answers.slice(1).map(streamed), [
    { body: '{"a":', endOfStream: false },
    { body: "1}", endOfStream: true },
  ]);
});

test("B8 relays an event stream that nobody asked for chunk by chunk", async (t) => {
  const picker = await aPicker(t);
  const answers = await answersTo(await routed(picker), (open) =>
    open.responseHeaders(sse).responseBody("data: 1\n\n").responseBody("", true),
  );
  assert.deepEqual(
    answers.slice(1).map((answer) => streamed(answer).endOfStream),
    [false, true],
  );
});

for (const type of ["Text/Event-Stream;charset=UTF-8", "TEXT/EVENT-STREAM", "Application/GRPC+proto"]) {
  test(`B8 relays a response of type ${type} chunk by chunk`, async (t) => {
    const picker = await aPicker(t);
    const head = [json[0], ["content-type", type]] as const;
    const answers = await answersTo(await routed(picker), (open) =>
      open.responseHeaders(head).responseBody("data: 1\n\n").responseBody("", true),
    );
    assert.deepEqual(
      answers.slice(1).map((answer) => streamed(answer).endOfStream),
      [false, true],
    );
  });
}

const names: readonly [what: string, sent: string, want: string][] = [
  ["without a space", '{"id":1,"model":"target","x":2}', '{"id":1,"model":"base","x":2}'],
  ["with a space", '{"id":1,"model": "target","x":2}', '{"id":1,"model": "base","x":2}'],
  ["not where another name stands", '{"model":"targets"}', '{"model":"targets"}'],
  ["not where there is none", '{"id":1}', '{"id":1}'],
];
for (const [what, sent, want] of names) {
  test(`B10 restores the model's name ${what}`, async (t) => {
    const picker = await aPicker(t);
    const stream = await routed(picker, completion("base"), [["x-llm-d-model-name-rewrite", "target"]]);
    const answers = await answersTo(stream, (open) => open.responseHeaders(json).responseBody(sent, true));
    assert.deepEqual(removedHeaders(answers[0] ?? {}), ["content-length"], "the length may change");
    assert.deepEqual(answers.slice(1).map(streamed), [{ body: want, endOfStream: true }]);
  });
}

test("B10 restores a name cut by two chunks of an event stream", async (t) => {
  const picker = await aPicker(t);
  const body = completion("base", "hi", { stream: true });
  const stream = await routed(picker, body, [["x-llm-d-model-name-rewrite", "target"]]);
  const answers = await answersTo(stream, (open) => {
    open
      .responseHeaders(sse)
      .responseBody('data: {"model":"tar')
      .responseBody('get"}\n\n')
      .responseBody("data: [DONE]\n\n", true);
  });
  const pieces = answers.slice(1).map(streamed);
  assert.equal(pieces.map((piece) => piece.body).join(""), 'data: {"model":"base"}\n\ndata: [DONE]\n\n');
  assert.deepEqual(
    pieces.map((piece) => piece.endOfStream),
    [false, false, true],
    "one answer for each chunk",
  );
});

test("B10 leaves equal names alone", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker, completion("base"), [["x-llm-d-model-name-rewrite", "base"]]);
  const answers = await answersTo(stream, (open) => open.responseHeaders(json).responseBody('{"model":"base"}', true));
  assert.deepEqual(removedHeaders(answers[0] ?? {}), []);
  assert.equal(streamed(answers[1] ?? {}).body, '{"model":"base"}');
});

test("B12 forwards a body without usage and observes no tokens", async (t) => {
  const picker = await aPicker(t);
  const answers = await answersTo(await routed(picker), (open) =>
    open.responseHeaders(json).responseBody('{"choices":[]}', true),
  );
  assert.equal(streamed(answers[1] ?? {}).body, '{"choices":[]}');
  assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_count{${labels}}`), undefined);
  assert.equal(await picker.sample(`llm_d_epp_request_duration_seconds_count{${labels}}`), 1);
});

const splits: readonly (readonly string[])[] = [
  [`data: {"usage":${usage}}\n\ndata: [DONE]\n\n`],
  [`data: {"usage":${usage}}\n\n`, "data: [DONE]\n\n"],
  ['data: {"choices":[{"text":"a"}]}\n\n', `data: {"usage":${usage}}\n\n`, "data: [DONE]\n\n"],
  ['data: {"usage":{"prompt_tok', `ens":7,"completion_tokens":10,"total_tokens":17}}\n`, "\ndata: [DONE]\n\n"],
];
for (const [index, chunks] of splits.entries()) {
  test(`B15 counts the same usage however the events are cut (${index + 1})`, async (t) => {
    const picker = await aPicker(t);
    await answersTo(await routed(picker, completion("base", "hi", { stream: true })), (open) => {
      open.responseHeaders(sse);
      for (const [at, chunk] of chunks.entries()) open.responseBody(chunk, at === chunks.length - 1);
    });
    assert.equal(await picker.sample(`llm_d_epp_request_input_tokens_sum{${labels}}`), 7);
    assert.equal(await picker.sample(`llm_d_epp_request_output_tokens_sum{${labels}}`), 10);
  });
}

test("B17 echoes no system-owned response header and touches no other", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker);
  stream.responseHeaders([
    ...json,
    ["content-length", "2"],
    ["x-gateway-destination-endpoint", "10.0.0.9:1"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  const answer = await stream.next();
  assert.deepEqual(Object.keys(setHeaders(answer)), ["x-went-into-resp-headers"]);
  await stream.close();
});

test("B19 sums the response's size over chunks, empty ones too", async (t) => {
  const picker = await aPicker(t);
  await answersTo(await routed(picker, completion("base", "hi", { stream: true })), (open) =>
    open.responseHeaders(sse).responseBody("12345").responseBody("").responseBody("678").responseBody("", true),
  );
  assert.equal(await picker.sample(`llm_d_epp_response_size_bytes_sum{${labels}}`), 8);
  assert.equal(await picker.sample(`llm_d_epp_response_size_bytes_count{${labels}}`), 1);
});

test("a response that ends with its headers completes the request", async (t) => {
  const picker = await aPicker(t);
  const stream = (await routed(picker)).responseHeaders([[":status", "204"]], true);
  assert.ok((await stream.next()).response_headers);
  assert.equal(picker.picker.store.ledger.total, 0, "the request is over though the stream is open");
  await stream.close();
  assert.equal(await picker.sample(`llm_d_epp_request_duration_seconds_count{${labels}}`), 1);
});

test("an upstream's error passes unchanged and is counted", async (t) => {
  const picker = await aPicker(t);
  const answers = await answersTo(await routed(picker), (open) =>
    open
      .responseHeaders([
        [":status", "500"],
        ["content-type", "text/plain"],
      ])
      .responseBody("boom", true),
  );
  assert.equal(streamed(answers[1] ?? {}).body, "boom");
  assert.equal(await picker.sample(`llm_d_epp_request_error_total{${labels},error_code="ModelServerError"}`), 1);
});

test("a stream that is cancelled frees everything, once", async (t) => {
  const picker = await aPicker(t);
  const stream = await routed(picker);
  assert.equal(picker.picker.store.ledger.total, 1);
  stream.call.cancel();
  await stream.over;
  await until("release of the request", () => picker.picker.store.ledger.total === 0);
  assert.equal(await picker.sample(`llm_d_epp_request_running{${labels}}`), 0);
  assert.equal(await picker.sample("epp_streams_open"), 0);
});

test("a response held back beyond its cap is relayed from there on", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)], {
    limits: { ...defaultLimits, heldResponseBytes: 4 },
  });
  const answers = await answersTo(await routed(picker), (open) =>
    open.responseHeaders(json).responseBody("123").responseBody("456").responseBody("789", true),
  );
  assert.deepEqual(answers.slice(1).map(streamed), [
    { body: "123456", endOfStream: false },
    { body: "789", endOfStream: true },
  ]);
});
