import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { chainSeed, hashBlocks } from "../../src/scheduling/prefix/block-hash.ts";
import { PrefixIndex } from "../../src/scheduling/prefix/prefix-index.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { anEndpoint } from "../support/an-endpoint.ts";
import { completion, completionHeaders, destinationOf, isLastOfRequest } from "../support/exchanges.ts";
import { type Answer, type HeaderPairs, removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const rewrite: HeaderPairs = [...completionHeaders, ["x-llm-d-model-name-rewrite", "target"]];

async function aPicker(t: TestContext): Promise<{ picker: TestPicker; address: string }> {
  const server = await startFakeModelServer(t);
  return { picker: await startTestPicker(t, [server]), address: server.address };
}

/** Sends a body in the pieces of a host; the status of the refusal, or the hash of what is forwarded. */
async function outcomeOf(
  picker: TestPicker,
  body: Uint8Array,
  headers = completionHeaders,
  pieceBytes = 62_000,
): Promise<number | string> {
  const stream = picker.open().requestHeaders(headers);
  for (let from = 0; from < body.length; from += pieceBytes) {
    stream.requestBody(body.subarray(from, from + pieceBytes), from + pieceBytes >= body.length);
  }
  const answers = await stream.until(isLastOfRequest);
  await stream.close();
  const [first] = answers;
  if (first?.immediate_response !== undefined) return first.immediate_response.status?.code ?? 0;
  const hash = createHash("sha256");
  for (const answer of answers.slice(1))
    hash.update(answer.request_body?.response?.body_mutation?.streamed_response?.body ?? "");
  return hash.digest("hex");
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("T06 JSON bombs are refused or forwarded, and cost others nothing", async (t) => {
  const { picker, address } = await aPicker(t);
  const [open, close] = ['{"model":"base","prompt":"hi","x":', "}"];
  const keys = Array.from({ length: 1_000_000 }, (_, index) => `"${index}":0`).join(",");
  const bombs: readonly (readonly [what: string, body: string, isTaken: boolean])[] = [
    ["depth 100,000", `${open}${"[".repeat(100_000)}${"]".repeat(100_000)}${close}`, false],
    ["a million keys", `${open}{${keys}}${close}`, false],
    ["a number of 10 MB", `${open}${"9".repeat(10_000_000)}${close}`, true],
    ["a string of 10 MB", completion("base", "\\".repeat(5_000_000)), true],
    ["a million strings", `${open}[${'"a",'.repeat(1_000_000)}0]${close}`, true],
  ];
  for (const [what, text, isTaken] of bombs) {
    const body = Buffer.from(text);
    const [outcome, other] = await Promise.all([outcomeOf(picker, body), destinationOf(picker, completion("base"))]);
    assert.equal(outcome, isTaken ? sha256(body) : 400, what);
    assert.equal(other, address, `another request beside ${what}`);
  }
  assert.equal(await picker.sample("epp_buffered_bytes"), 0);
});

const reserved = ["__proto__", "constructor", "toString", "hasOwnProperty"];

test("T07 names of JavaScript's own are names like others: in bodies, headers, models, adapters and metadata", async (t) => {
  const server = await startFakeModelServer(t);
  const series = `vllm:lora_requests_info{max_lora="2",running_lora_adapters="${reserved.join(",")}",waiting_lora_adapters=""} 1.7e9\n`;
  server.answerWith((_request, response) =>
    sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }) + series),
  );
  const picker = await startTestPicker(t, [server]);
  for (const name of reserved) {
    const body = Buffer.from(
      `{"${name}":{"polluted":1},"model":"${name}","prompt":"hi","cache_salt":"${name}","x":{"${name}":{"${name}":1}}}`,
    );
    const headers: HeaderPairs = [...completionHeaders, [name, "x"], ["x-llm-d-inference-fairness-id", name]];
    assert.equal(await outcomeOf(picker, body, headers), sha256(body), name);
    const stream = picker.open().requestHeaders(completionHeaders, false, {
      metadata_context: { filter_metadata: { [name]: { fields: { [name]: { stringValue: "x" } } } } },
    });
    stream.requestBody(completion("base"));
    assert.equal(setHeaders(await stream.next())["x-gateway-destination-endpoint"], server.address);
    await stream.close();
    const labels = `model_name="${name}",target_model_name="${name}",fairness_id="${name}",priority="0"`;
    assert.equal(await picker.sample(`llm_d_epp_request_total{${labels}}`), 1);
  }
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.equal(([] as unknown as Record<string, unknown>)["x"], undefined);
});

const ambiguous: readonly (readonly [what: string, body: Uint8Array])[] = [
  ["model twice", Buffer.from('{"model":"a","prompt":"hi","model":"b"}')],
  ["model twice, once escaped", Buffer.from('{"model":"a","prompt":"hi","m\\u006fdel":"b"}')],
  ["a byte order mark", Buffer.from(`\ufeff${completion("base")}`)],
  ["a lone surrogate in the model", Buffer.from('{"model":"a\\ud800","prompt":"hi"}')],
  ["bytes that are no UTF-8 in the model", Buffer.from('{"model":"a\xff","prompt":"hi"}', "latin1")],
  ["NaN", Buffer.from('{"model":"a","prompt":"hi","temperature":NaN}')],
  ["two documents", Buffer.from(`${completion("a")}${completion("b")}`)],
  ["a NUL behind the document", Buffer.from(`${completion("a")}\0`)],
];
for (const [what, body] of ambiguous) {
  test(`T08 a body with ${what}, which servers may read differently, is refused`, async (t) => {
    const { picker } = await aPicker(t);
    assert.equal(await outcomeOf(picker, body), 400);
    assert.equal(await outcomeOf(picker, body, rewrite), 400, "with a rewrite in force");
  });
}

test("T08 a rewritten body names the model that was decided on, wherever the old name stood", async (t) => {
  const { picker } = await aPicker(t);
  for (const key of ["model", "m\\u006fdel", "\\u006d\\u006f\\u0064\\u0065\\u006c"]) {
    const body = Buffer.from(`{"x":{"model":"inner"},"${key}":"ba\\u0073e","prompt":"hi"}`);
    const want = Buffer.from(`{"x":{"model":"inner"},"${key}":"target","prompt":"hi"}`);
    assert.equal(await outcomeOf(picker, body, rewrite), sha256(want), key);
  }
});

test("T09 two streams with one request id are two requests: the end of one leaves the other alone", async (t) => {
  const { picker } = await aPicker(t);
  const { ledger } = picker.picker.store;
  const [victim, attacker] = [picker.open(), picker.open()];
  for (const stream of [victim, attacker]) {
    stream.requestHeaders(completionHeaders).requestBody(completion("base"));
    await stream.until(isLastOfRequest);
  }
  assert.equal(ledger.total, 2);
  attacker.call.cancel();
  await until("release of one", () => ledger.total === 1);
  victim.responseHeaders([[":status", "200"]]).responseBody('{"a":1}', true);
  await victim.next();
  assert.deepEqual(streamed(await victim.next()), { body: '{"a":1}', endOfStream: true });
  assert.equal(ledger.total, 0);
  assert.equal(await victim.close(), undefined);
});

test("T11 the prefix index is full and stays so, whatever clients send", () => {
  const index = new PrefixIndex(64_000);
  const prompt = new Uint8Array(4096);
  for (let client = 0; client < 5000; client++) {
    new DataView(prompt.buffer).setUint32(0, client);
    const chain = hashBlocks(prompt, 64, 2048, chainSeed(1n, "base", ""));
    index.add(anEndpoint(`server-${client % 3}`), chain, 100_000);
    assert.ok(index.size.bytes <= 64_000);
  }
  const { blocks, bytes } = index.size;
  assert.ok(blocks > 100 && bytes <= 64_000, `${blocks} blocks in ${bytes} bytes`);
});

test("T11 no answer to a client names an endpoint or a score", async (t) => {
  const { picker, address } = await aPicker(t);
  const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
  await stream.until(isLastOfRequest);
  stream
    .responseHeaders([[":status", "200"]])
    .responseBody("{}", true)
    .responseTrailers();
  await stream.close();
  assert.deepEqual(setHeaders(stream.answers[0] as Answer), { "x-went-into-resp-headers": "true" });
  picker.picker.store.reset([]);
  const refused = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
  const refusal = await refused.next();
  await refused.close();
  for (const answer of [...stream.answers, refusal]) {
    const text = JSON.stringify(answer, (_key, value: unknown) => (Buffer.isBuffer(value) ? value.toString() : value));
    assert.ok(!text.includes(address) && !text.includes("127.0.0.1"), text);
  }
});

test("T12 an adapter's name matches byte by byte or not at all", async (t) => {
  const [loaded, empty] = [await startFakeModelServer(t), await startFakeModelServer(t)];
  for (const [server, running] of [
    [loaded, "adapter-1,b"],
    [empty, "x,y"],
  ] as const) {
    const series = `vllm:lora_requests_info{max_lora="2",running_lora_adapters="${running}",waiting_lora_adapters=""} 1.7e9\n`;
    server.answerWith((_request, response) =>
      sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }) + series),
    );
  }
  const config =
    "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: lora-affinity-scorer }]\n";
  const picker = await startTestPicker(t, [empty, loaded], { config, emitScores: true });
  const scoresOf = async (model: string): Promise<unknown[]> => {
    const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion(model));
    const answer = await stream.next();
    await stream.close();
    const scores = answer.dynamic_metadata?.fields["envoy.lb"]?.structValue.fields[
      "x-gateway-destination-endpoint-scores"
    ] as unknown as {
      structValue: { fields: Record<string, { numberValue: number }> };
    };
    return [loaded, empty].map(({ address }) => scores.structValue.fields[address]?.numberValue);
  };
  assert.deepEqual(await scoresOf("adapter-1"), [1, 0]);
  for (const name of [
    "adapter-1,b",
    "adapter-1 ",
    " adapter-1",
    "ADAPTER-1",
    "Adapter-1",
    "\u0430dapter-1",
    "adapter-1\u0000",
    "adapter\u20111",
    "",
  ]) {
    if (name !== "") assert.deepEqual(await scoresOf(name), [0, 0], JSON.stringify(name));
  }
});

const hostileUsages: readonly string[] = [
  '{"prompt_tokens":-5,"completion_tokens":-1}',
  '{"prompt_tokens":1e300,"completion_tokens":1e999}',
  `{"prompt_tokens":${"9".repeat(400)},"completion_tokens":"${"9".repeat(400)}"}`,
  '{"prompt_tokens":{"__proto__":7},"completion_tokens":[7]}',
  '{"prompt_tokens":1.5,"completion_tokens":null}',
  `[${"[".repeat(300)}${"]".repeat(300)}]`,
];
test("T24 hostile usage is no usage, and the bytes pass as they are", async (t) => {
  const { picker } = await aPicker(t);
  for (const usage of hostileUsages) {
    for (const [type, text] of [
      ["application/json", `{"usage":${usage}}`],
      ["text/event-stream", `data: {"usage":${usage}}\n\ndata: [DONE]\n\n`],
    ] as const) {
      const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
      await stream.until(isLastOfRequest);
      stream
        .responseHeaders([
          [":status", "200"],
          ["content-type", type],
        ])
        .responseBody(text, true);
      assert.equal(await stream.close(), undefined);
      assert.equal(
        stream.answers
          .slice(1)
          .map((answer) => streamed(answer).body)
          .join(""),
        text,
      );
    }
  }
  const page = await picker.metrics();
  const counted = page.split("\n").filter((line) => /^llm_d_epp_request_(input|output)_tokens_(sum|count)/.test(line));
  assert.deepEqual(counted, []);
});

test("F57 headers are read from raw_value first, then value, and only changed ones are written, as raw_value", async (t) => {
  const { picker, address } = await aPicker(t);
  const header = (key: string, more: object): object => ({ key, ...more });
  const headers = [
    header(":method", { raw_value: Buffer.from("POST") }),
    header(":path", { value: "/v1/completions" }),
    header("X-LLM-D-Model-Name-Rewrite", { value: "ignored", raw_value: Buffer.from("target") }),
    header("x-request-id", { value: "id-in-value" }),
    header("x-empty", {}),
    header("x-bytes", { raw_value: Buffer.from([0xff, 0xfe, 0x80]) }),
    header("cookie", { raw_value: Buffer.from("a=1") }),
    header("cookie", { raw_value: Buffer.from("b=2") }),
    header("X-Prefiller-Host-Port", { value: "10.9.9.9:1" }),
  ];
  const stream = picker.open();
  stream.call.write({ request_headers: { headers: { headers } } });
  stream.requestBody(completion("base"));
  const [first, second] = await stream.until(isLastOfRequest);
  await stream.close();
  assert.deepEqual(setHeaders(first as Answer), { "x-gateway-destination-endpoint": address });
  assert.deepEqual(removedHeaders(first as Answer).toSorted(), ["x-llm-d-model-name-rewrite", "x-prefiller-host-port"]);
  for (const set of first?.request_headers?.response?.header_mutation?.set_headers ?? [])
    assert.ok(!("value" in set.header));
  assert.equal(streamed(second as Answer).body, completion("target"), "raw_value counts");
});

test("F60 trailers that end the request decide it, once", async (t) => {
  const { picker, address } = await aPicker(t);
  const stream = picker
    .open()
    .requestHeaders(completionHeaders)
    .requestBody(completion("base"), false)
    .requestTrailers();
  const answers = await stream.until((answer) => answer.request_trailers !== undefined);
  assert.equal(setHeaders(answers[0] as Answer)["x-gateway-destination-endpoint"], address);
  assert.deepEqual(streamed(answers[1] as Answer), { body: completion("base"), endOfStream: false });
  assert.equal(answers.length, 3);
  await stream.close();
  const labels = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"';
  assert.equal(await picker.sample(`llm_d_epp_request_total{${labels}}`), 1);
});

test("F48 a body of 64 KiB in pieces of one byte is forwarded as it came, in one answer", async (t) => {
  const { picker } = await aPicker(t);
  const body = Buffer.from(completion("base", "x".repeat(65_536 - completion("base", "").length)));
  assert.equal(body.length, 65_536);
  const [outcome, other] = await Promise.all([
    outcomeOf(picker, body, completionHeaders, 1),
    destinationOf(picker, completion("base")),
  ]);
  assert.equal(outcome, sha256(body));
  assert.equal(typeof other, "string");
  assert.equal(await picker.sample("epp_buffered_bytes"), 0);
});
