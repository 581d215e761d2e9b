import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { scrapedOf } from "../../src/datastore/signal.ts";
import { endpointsText, startTestPicker } from "../support/a-picker.ts";
import { completion, destinationOf } from "../support/exchanges.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";
const byQueue = `${head}plugins: [{ type: queue-scorer }]\n`;
const byAdapter = `${head}plugins: [{ type: lora-affinity-scorer }]\n`;
const idle = { waiting: 0, running: 0, kvCacheRatio: 0 };

/** A server whose metrics page is `page`. */
async function serving(t: TestContext, page: string): Promise<FakeModelServer> {
  const server = await startFakeModelServer(t);
  server.answerWith((_request, response) => sendPage(response, page));
  return server;
}

function adapters(updated: number, running: string, waiting = "", max = 2): string {
  return `vllm:lora_requests_info{max_lora="${max}",running_lora_adapters="${running}",waiting_lora_adapters="${waiting}"} ${updated}\n`;
}

test("F2 reads the series of its metric, whatever labels it has beside", async (t) => {
  const page = (waiting: number): string =>
    `vllm:num_requests_waiting{engine="0",model_name="base",extra="x"} ${waiting}\nother_requests_waiting{engine="0"} 99\n`;
  const servers = [await serving(t, page(5)), await serving(t, page(1))];
  const picker = await startTestPicker(t, servers, { config: byQueue });
  assert.equal(await destinationOf(picker, completion("base")), servers[1]?.address);
  const labels = (name: string): string =>
    `llm_d_epp_per_endpoint_queue_size{name="pool",model_server_endpoint="${name}"}`;
  assert.deepEqual([await picker.sample(labels("server-0")), await picker.sample(labels("server-1"))], [5, 1]);
});

test("F4 accepts a counter; an unsupported type is unknown and wins nothing", async (t) => {
  const servers = [
    await serving(t, "# TYPE vllm:num_requests_waiting counter\nvllm:num_requests_waiting 1\n"),
    await serving(t, "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 7\n"),
    await serving(t, "# TYPE vllm:num_requests_waiting histogram\nvllm:num_requests_waiting 0\n"),
  ];
  const picker = await startTestPicker(t, servers, { config: byQueue, scraped: false });
  await until("two samples", () => {
    const values = picker.picker.store.snapshot().map(({ signals }) => signals.waitingRequests.value);
    return values[0] === 1 && values[1] === 7;
  });
  assert.equal(await destinationOf(picker, completion("base")), servers[0]?.address);
  const unsupported = picker.picker.store.snapshot()[2]?.signals.waitingRequests;
  assert.equal(unsupported && scrapedOf(unsupported), undefined);
});

test("F5 without the LoRA family there are no adapters and no error", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server], { config: byAdapter });
  assert.equal(await destinationOf(picker, completion("adapter-1")), server.address);
  assert.equal(picker.picker.store.snapshot()[0]?.signals.adapters.value, undefined);
});

test("F5 of two LoRA series the greatest value counts, with its lists and maximum", async (t) => {
  const page = `${renderPage(idle)}${adapters(1_700_000_009, "adapter-1", "adapter-2, adapter-3", 4)}${adapters(1_700_000_001, "old-adapter")}`;
  const servers = [
    await serving(t, renderPage(idle) + adapters(1_700_000_000, "old-adapter,x")),
    await serving(t, page),
  ];
  const picker = await startTestPicker(t, servers, { config: byAdapter });
  assert.equal(await destinationOf(picker, completion("adapter-1")), servers[1]?.address);
  assert.equal(await destinationOf(picker, completion("old-adapter")), servers[0]?.address);
  assert.deepEqual(picker.picker.store.snapshot()[1]?.signals.adapters.value, {
    running: new Set(["adapter-1"]),
    waiting: new Set(["adapter-2", "adapter-3"]),
    maxAdapters: 4,
  });
});

test("F9 a server that answers 500 keeps its values and is counted as failing", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 1 }), await startFakeModelServer(t, { waiting: 4 })];
  const picker = await startTestPicker(t, servers, { config: byQueue });
  const [failing] = servers;
  failing?.answerWith((_request, response) => response.writeHead(500).end("no metrics today"));
  await failing?.nextRequest();
  await failing?.nextRequest();
  assert.equal(await destinationOf(picker, completion("base")), failing?.address);
  assert.equal(picker.picker.store.snapshot()[0]?.signals.waitingRequests.value, 1);
  assert.ok(((await picker.sample('epp_scrape_failures_total{reason="status"}')) ?? 0) >= 1);
  assert.ok(
    ((await picker.sample('llm_d_epp_datalayer_poll_errors_total{source_type="metrics-data-source"}')) ?? 0) >= 1,
  );
});

test("F10 a server that leaves the file is scraped no more and gets nothing more", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 0 }), await startFakeModelServer(t, { waiting: 4 })];
  const picker = await startTestPicker(t, servers, { config: byQueue });
  assert.equal(await destinationOf(picker, completion("base")), servers[0]?.address);
  writeFileSync(picker.endpointsFile, endpointsText(servers.slice(1)));
  await until("the reload", () => picker.picker.store.snapshot().length === 1);
  const seen = servers[0]?.requests();
  await picker.scrapedAgain();
  await picker.scrapedAgain();
  assert.equal(servers[0]?.requests(), seen);
  assert.equal(await destinationOf(picker, completion("base")), servers[1]?.address);
  assert.equal(await picker.sample('epp_file_reloads_total{file="endpoints",outcome="ok"}'), 1);
});

test("a bad endpoints file on reload keeps the last good one and is counted", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  writeFileSync(picker.endpointsFile, "endpoints: [{ name: a, adress: 127.0.0.1, port: 1 }]");
  while ((await picker.sample('epp_file_reloads_total{file="endpoints",outcome="rejected"}')) !== 1)
    await picker.scrapedAgain();
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});
