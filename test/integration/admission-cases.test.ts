import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { aGateway } from "../support/a-gateway.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { aConfig } from "../support/a-plan.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { completion, completionHeaders, destinationOf, isLastOfRequest, requestAnswers } from "../support/exchanges.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { type Answer, type EnvoyStream, type HeaderPairs, setHeaders } from "../support/ext-proc-client.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const objects = Object.entries({ batch: -1, chat: 2 })
  .map(([name, priority]) => ({
    apiVersion: "llm-d.ai/v1alpha2",
    kind: "InferenceObjective",
    metadata: { name },
    spec: { priority, poolRef: { name: "pool" } },
  }))
  .map((object) => JSON.stringify(object))
  .join("\n---\n");
const as = (objective: string): HeaderPairs => [...completionHeaders, ["x-llm-d-inference-objective", objective]];

const shedBody = "inference error: ResourceExhausted - system saturated, sheddable request dropped";
const saturationSeries = '_flow_control_pool_saturation{inference_pool="pool",stage="effective"}';
const saturationOf = (picker: TestPicker): Promise<number | undefined> => picker.sample(`llm_d_epp${saturationSeries}`);

/** Checks that a request was shed, and gives its Retry-After. */
function assertShed([answer, ...more]: readonly Answer[]): number {
  assert.deepEqual(more, []);
  assert.equal(answer?.immediate_response?.status?.code, 429);
  assert.equal(String(answer?.immediate_response?.body), shedBody);
  const headers = setHeaders(answer ?? {});
  assert.equal(headers["x-llm-d-request-dropped-reason"], "rejected-saturated");
  assert.match(headers["retry-after"] ?? "", /^[1-9]\d?$/);
  return Number(headers["retry-after"]);
}

test("A3 D3 D12 on a full pool only what is below priority 0 is shed, and is not scheduled", async (t) => {
  const loads = [
    { waiting: 6, kvCacheRatio: 0.2 },
    { waiting: 0, kvCacheRatio: 0.85 },
    { waiting: 10, kvCacheRatio: 0.9 },
  ];
  const servers = [];
  for (const load of loads) servers.push(await startFakeModelServer(t, load));
  const picker = await startTestPicker(t, servers, { objects });
  const addresses = servers.map(({ address }) => address);
  for (const objective of ["chat", "of no priority"]) {
    const destination = await destinationOf(picker, completion("base"), as(objective));
    assert.ok(addresses.includes(String(destination)), `${objective}: ${destination}`);
  }
  assert.ok(addresses.includes(String(await destinationOf(picker, completion("base")))));
  const scheduled = 'llm_d_epp_scheduler_attempts_total{status="failure"';
  assertShed(await requestAnswers(picker, completion("base"), as("batch")));
  assert.ok(!(await picker.metrics()).includes(scheduled), "no scheduling was tried");
  const labels = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="-1"';
  assert.equal(await picker.sample(`llm_d_epp_request_error_total{${labels},error_code="ResourceExhausted"}`), 1);
  assert.equal(picker.picker.store.ledger.total, 0);
});

test("D12 the gauge follows the pool, and a sheddable request is admitted below saturation", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 5 }), await startFakeModelServer(t, { waiting: 5 })];
  const picker = await startTestPicker(t, servers, { objects });
  assert.equal(await saturationOf(picker), 1);
  assert.equal(await picker.sample(`inference_extension${saturationSeries}`), 1);
  assertShed(await requestAnswers(picker, completion("base"), as("batch")));
  servers[1]?.setLoad({ waiting: 4 });
  // A page may be on its way that was asked for before.
  await picker.scrapedAgain();
  await picker.scrapedAgain();
  assert.equal(await saturationOf(picker), 0.9);
  assert.equal(await destinationOf(picker, completion("base"), as("batch")), servers[1]?.address);
});

test("D12 a sheddable request on an empty pool is 503; the gauge says full", async (t) => {
  const picker = await startTestPicker(t, [], { objects });
  const [answer] = await requestAnswers(picker, completion("base"), as("batch"));
  assert.equal(answer?.immediate_response?.status?.code, 503);
  assert.equal(setHeaders(answer ?? {})["retry-after"], undefined);
  assert.equal(await saturationOf(picker), 1);
});

test("D12 servers without a metrics page shed nothing", async (t) => {
  const server = await startFakeModelServer(t);
  server.answerWith((_request, response) => response.writeHead(500).end());
  const picker = await startTestPicker(t, [server], { objects, scraped: false });
  assert.equal(await destinationOf(picker, completion("base"), as("batch")), server.address);
});

const oneAtATime = aConfig(`plugins:
  - {type: queue-scorer}
  - {type: concurrency-detector, parameters: {maxConcurrency: 1}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]
`);

test("G2 D12 the named detector decides, and Retry-After follows the time that requests took", async (t) => {
  // Sockets need real timers; what a request takes is time that has passed all the same.
  let skippedMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skippedMs };
  const server = await startFakeModelServer(t, { waiting: 50 });
  const config = `${oneAtATime}saturationDetector: {pluginRef: concurrency-detector}\n`;
  const picker = await startTestPicker(t, [server], { objects, config, clock, scraped: false });
  const occupy = async (): Promise<EnvoyStream> => {
    const stream = picker.open().requestHeaders(as("batch")).requestBody(completion("base"));
    const [headers] = await stream.until(isLastOfRequest);
    assert.equal(setHeaders(headers as Answer)["x-gateway-destination-endpoint"], server.address);
    return stream;
  };
  const first = await occupy();
  assert.equal(await saturationOf(picker), 1);
  assert.equal(assertShed(await requestAnswers(picker, completion("base"), as("batch"))), 1, "nothing has ended yet");
  skippedMs += 20_000;
  await first.close();
  await until("the end of the first", () => picker.picker.store.ledger.total === 0);
  skippedMs += 3_600_000;
  const second = await occupy();
  const seconds = assertShed(await requestAnswers(picker, completion("base"), as("batch")));
  assert.ok(seconds >= 14 && seconds <= 20, `one end in 20 s of busy time, Retry-After ${seconds}`);
  await second.close();
});

test("D12 a real Envoy gives the client 429 with reason and Retry-After, and lets priority 0 through", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const held: ServerResponse[] = [];
  let isHolding = true;
  const gateway = await aGateway(
    t,
    (_request, response) => {
      if (isHolding) held.push(response);
      else response.end("{}");
    },
    { objects, config: oneAtATime },
  );
  const post = (objective: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-llm-d-inference-objective": objective },
      body: completion("base"),
    });
  const first = post("chat");
  await until("the first request at the server", () => held.length === 1);
  isHolding = false;
  const shed = await post("batch");
  assert.equal(shed.status, 429);
  assert.equal(shed.headers.get("x-llm-d-request-dropped-reason"), "rejected-saturated");
  assert.match(shed.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
  assert.equal(await shed.text(), shedBody);
  const other = await post("chat");
  assert.equal(other.status, 200);
  await other.arrayBuffer();
  held[0]?.end("{}");
  const answered = await first;
  assert.equal(answered.status, 200);
  await answered.arrayBuffer();
  await gateway.quiet();
  const admitted = await post("batch");
  assert.equal(admitted.status, 200);
  await admitted.arrayBuffer();
});
