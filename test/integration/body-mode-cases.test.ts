import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { bodyModes } from "../../src/extproc/messages.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders } from "../support/exchanges.ts";
import { removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

/** What a host says of its modes in the first message of a stream. */
function modes(request: (typeof bodyModes)[number], response: (typeof bodyModes)[number]): object {
  const [request_body_mode, response_body_mode] = [bodyModes.indexOf(request), bodyModes.indexOf(response)];
  return { protocol_config: { request_body_mode, response_body_mode } };
}

const json = [
  [":status", "200"],
  ["content-type", "application/json"],
] as const;

async function aPicker(t: TestContext): Promise<{ picker: TestPicker; address: string }> {
  const server = await startFakeModelServer(t);
  return { picker: await startTestPicker(t, [server]), address: server.address };
}

test("BUFFERED answers the headers at once and puts destination, metadata and a rewritten body on the body's answer", async (t) => {
  const { picker, address } = await aPicker(t);
  const rewrite = [...completionHeaders, ["content-length", "60"], ["x-llm-d-model-name-rewrite", "target"]] as const;
  const stream = picker.open().requestHeaders(rewrite, false, modes("buffered", "buffered"));
  assert.deepEqual(await stream.next(), { request_headers: {}, response: "request_headers" });
  stream.requestBody(completion("base"));
  const answer = await stream.next();
  const common = answer.request_body?.response;
  const set = Object.fromEntries(
    (common?.header_mutation?.set_headers ?? []).map(({ header }) => [header.key, String(header.raw_value)]),
  );
  const length = String(completion("target").length);
  assert.deepEqual(set, { "x-gateway-destination-endpoint": address, "content-length": length });
  assert.deepEqual(common?.header_mutation?.remove_headers, ["x-llm-d-model-name-rewrite"]);
  assert.equal(common?.clear_route_cache, true);
  assert.equal(String((common?.body_mutation as { body?: Buffer })?.body), completion("target"));
  assert.equal(common?.body_mutation?.streamed_response, undefined);
  assert.equal(
    answer.dynamic_metadata?.fields["envoy.lb"]?.structValue.fields["x-gateway-destination-endpoint"]?.stringValue,
    address,
  );
  stream.responseHeaders(json);
  assert.deepEqual(removedHeaders(await stream.next()), ["content-length"]);
  stream.responseBody('{"model":"target"}', true);
  const body = (await stream.next()).response_body?.response?.body_mutation as { body?: Buffer };
  assert.equal(String(body.body), '{"model":"base"}');
  assert.equal(await stream.close(), undefined);
});

test("BUFFERED leaves a body alone that does not change, and answers trailers", async (t) => {
  const { picker } = await aPicker(t);
  const stream = picker.open().requestHeaders(completionHeaders, false, modes("buffered", "buffered"));
  await stream.next();
  stream.requestBody(completion("base"), false);
  assert.equal((await stream.next()).request_body?.response?.body_mutation, undefined);
  stream.requestTrailers();
  assert.ok((await stream.next()).request_trailers);
  stream.responseHeaders(json);
  await stream.next();
  stream.responseBody("{}", true);
  assert.deepEqual((await stream.next()).response_body, {});
  assert.equal(await stream.close(), undefined);
});

test("BUFFERED refuses a bad body with an immediate response", async (t) => {
  const { picker } = await aPicker(t);
  const stream = picker.open().requestHeaders(completionHeaders, false, modes("buffered", "none"));
  await stream.next();
  stream.requestBody("{}");
  assert.equal((await stream.next()).immediate_response?.status?.code, 400);
});

for (const mode of ["streamed", "none", "grpc"] as const) {
  test(`${mode.toUpperCase()} decides at the headers and counts the degraded pick`, async (t) => {
    const { picker, address } = await aPicker(t);
    const stream = picker.open().requestHeaders(completionHeaders, false, modes(mode, "none"));
    assert.equal(setHeaders(await stream.next())["x-gateway-destination-endpoint"], address);
    if (mode !== "none") {
      stream.requestBody(completion("base").slice(0, 9), false).requestBody(completion("base").slice(9));
      assert.deepEqual((await stream.next()).request_body, {});
      assert.deepEqual((await stream.next()).request_body, {});
    }
    stream.responseHeaders(json);
    assert.equal(setHeaders(await stream.next())["x-went-into-resp-headers"], "true");
    assert.equal(await stream.close(), undefined);
    assert.equal(await picker.sample(`epp_degraded_picks_total{mode="${mode}"}`), 1);
    assert.equal(picker.picker.store.ledger.total, 0);
  });
}

test("STREAMED responses are answered piece by piece, changed pieces sent back", async (t) => {
  const { picker } = await aPicker(t);
  const rewrite = [...completionHeaders, ["x-llm-d-model-name-rewrite", "target"]] as const;
  const stream = picker.open().requestHeaders(rewrite, false, modes("full-duplex-streamed", "streamed"));
  stream.requestBody(completion("base", "hi", { stream: true }));
  await stream.next();
  assert.equal(streamed(await stream.next()).body, completion("target", "hi", { stream: true }));
  stream.responseHeaders([
    [":status", "200"],
    ["content-type", "text/event-stream"],
  ]);
  await stream.next();
  stream.responseBody('data: {"model":"target"}\n\n').responseBody("data: [DONE]\n\n").responseBody("", true);
  const bodies = [await stream.next(), await stream.next(), await stream.next()].map(({ response_body }) =>
    (response_body?.response?.body_mutation as { body?: Buffer } | undefined)?.body?.toString(),
  );
  assert.deepEqual(bodies, ['data: {"model":"base"}\n\n', undefined, undefined]);
  assert.equal(await stream.close(), undefined);
});

test("BUFFERED_PARTIAL takes a whole body like BUFFERED, and decides on the headers when the host holds only its beginning", async (t) => {
  const { picker, address } = await aPicker(t);
  for (const [body, isWhole] of [
    [completion("base"), true],
    [completion("base").slice(0, 20), false],
  ] as const) {
    const stream = picker
      .open()
      .requestHeaders(completionHeaders, false, modes("buffered-partial", "buffered-partial"));
    await stream.next();
    stream.requestBody(body, isWhole);
    const common = (await stream.next()).request_body?.response;
    const set = (common?.header_mutation?.set_headers ?? []).map(({ header }) => String(header.raw_value));
    assert.deepEqual(set, [address]);
    assert.equal(common?.body_mutation, undefined, "the host goes on with what it has");
    stream.responseHeaders(json, true);
    assert.equal(await stream.close(), undefined);
  }
  assert.equal(await picker.sample('epp_degraded_picks_total{mode="buffered-partial"}'), 1);
  const refused = picker.open().requestHeaders(completionHeaders, false, modes("buffered-partial", "none"));
  await refused.next();
  refused.requestBody('{"model":"base"', true);
  assert.equal((await refused.next()).immediate_response?.status?.code, 400, "a body that ends is whole");
});

test("a host that only mirrors traffic gets no answer", async (t) => {
  const { picker } = await aPicker(t);
  const stream = picker.open().requestHeaders(completionHeaders, true, { observability_mode: true });
  assert.equal(await stream.close(), undefined);
  assert.deepEqual(stream.answers, []);
  assert.equal(await picker.sample('epp_illegal_messages_total{reason="observability-mode"}'), 1);
});
