import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { type Answer, type HeaderPairs, removedHeaders, setHeaders, streamed } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

const withoutId = completionHeaders.filter(([name]) => name !== "x-request-id");

test("C1 reads headers whatever the case of their names", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const headers: HeaderPairs = [...completionHeaders, ["X-LLM-D-Model-Name-Rewrite", "target"]];
  const stream = picker.open().requestHeaders(headers).requestBody(completion("base"));
  const [, body] = await stream.until(isLastOfRequest);
  assert.equal(streamed(body as Answer).body, completion("target"));
  await stream.close();
});

test("C3 prefers the new name of a control header to the legacy one", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const headers: HeaderPairs = [
    ...completionHeaders,
    ["x-llm-d-inference-fairness-id", "new-flow"],
    ["x-gateway-inference-fairness-id", "old-flow"],
    ["x-gateway-model-name-rewrite", "old-target"],
    ["x-llm-d-model-name-rewrite", "new-target"],
  ];
  const stream = picker.open().requestHeaders(headers).requestBody(completion("base"));
  const [, body] = await stream.until(isLastOfRequest);
  assert.equal(streamed(body as Answer).body, completion("new-target"));
  const labels = 'model_name="base",target_model_name="new-target",fairness_id="new-flow",priority="0"';
  assert.equal(await picker.sample(`llm_d_epp_request_total{${labels}}`), 1);
  await stream.close();
});

test("C4 sets no control header and removes those the client sent, with every routing header", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const clientHeaders: HeaderPairs = [
    ["x-llm-d-inference-objective", "gold"],
    ["x-gateway-inference-fairness-id", "tenant"],
    ["x-gateway-destination-endpoint", "10.9.9.9:1"],
    ["x-gateway-destination-endpoint-subset", "10.9.9.9:1"],
    ["x-prefiller-host-port", "10.9.9.9:1"],
    ["x-data-parallel-host-port", "10.9.9.9:1"],
    ["x-custom", "kept"],
  ];
  const stream = picker
    .open()
    .requestHeaders([...completionHeaders, ...clientHeaders])
    .requestBody(completion("base"));
  const [answer] = await stream.until(isLastOfRequest);
  assert.deepEqual(setHeaders(answer as Answer), { "x-gateway-destination-endpoint": server.address });
  assert.deepEqual(removedHeaders(answer as Answer).toSorted(), [
    "x-data-parallel-host-port",
    "x-gateway-destination-endpoint-subset",
    "x-gateway-inference-fairness-id",
    "x-llm-d-inference-objective",
    "x-prefiller-host-port",
  ]);
  await stream.close();
});

test("C5 puts the same destination list into header and metadata", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 4 }), await startFakeModelServer(t, { waiting: 0 })];
  const config =
    "plugins:\n  - type: queue-scorer\n  - type: max-score-picker\n    parameters: { maxNumOfEndpoints: 2 }\n";
  const picker = await startTestPicker(t, servers, {
    config: `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${config}`,
  });
  const stream = picker.open().requestHeaders(completionHeaders).requestBody(completion("base"));
  const [answer] = await stream.until(isLastOfRequest);
  const destination = `${servers[1]?.address},${servers[0]?.address}`;
  assert.equal(setHeaders(answer as Answer)["x-gateway-destination-endpoint"], destination);
  const namespace = answer?.dynamic_metadata?.fields["envoy.lb"]?.structValue.fields;
  assert.equal(namespace?.["x-gateway-destination-endpoint"]?.stringValue, destination);
  await stream.close();
});

test("C7 makes a request id when there is none, and leaves one alone that is there", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const ids: (string | undefined)[] = [];
  for (const headers of [withoutId, completionHeaders]) {
    const stream = picker.open().requestHeaders(headers).requestBody(completion("base"));
    const [answer] = await stream.until(isLastOfRequest);
    ids.push(setHeaders(answer as Answer)["x-request-id"]);
    await stream.close();
  }
  assert.match(ids[0] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids[1], undefined, "an id that does not change is not sent");
});

test("a control header that is too long is refused with 400, without its value", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const stream = picker.open().requestHeaders([...completionHeaders, ["x-llm-d-inference-objective", "v".repeat(257)]]);
  const { immediate_response: refusal } = await stream.next();
  assert.equal(refusal?.status?.code, 400);
  assert.doesNotMatch(String(refusal?.body), /vvv/);
});
