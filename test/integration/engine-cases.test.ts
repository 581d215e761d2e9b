import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { EndpointSignals } from "../../src/datastore/endpoint.ts";
import { scrapedOf } from "../../src/datastore/signal.ts";
import type { Logger } from "../../src/telemetry/logger.ts";
import { type ListedServer, startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { createAuthority } from "../support/certificates.ts";
import { type EngineLoad, enginePages } from "../support/engine-pages.ts";
import { completion, completionHeaders, destinationOf, isLastOfRequest } from "../support/exchanges.ts";
import { setHeaders } from "../support/ext-proc-client.ts";
import {
  closedPort,
  type FakeModelServer,
  renderPage,
  sendPage,
  startFakeModelServer,
} from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const label = "llm-d.ai/engine-type";
const legacy = "inference.networking.k8s.io/engine-type";
const head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

/** A config that scores by queue, with parameters of the two metrics plugins. */
function byQueue({ extractor = "", source = "", scorer = "queue-scorer" } = {}): string {
  return `${head}plugins:
  - { type: ${scorer} }
  - { type: metrics-data-source, parameters: { ${source} } }
  - { type: core-metrics-extractor, parameters: { ${extractor} } }
`;
}

/** A server whose page is that of `engine`, listed with `labels`. */
async function serving(
  t: TestContext,
  engine: string,
  load: Partial<EngineLoad>,
  labels: Record<string, string> = {},
): Promise<FakeModelServer & ListedServer> {
  const server = await startFakeModelServer(t);
  const page = enginePages[engine]!({ waiting: 0, running: 0, kvCacheRatio: 0, ...load });
  server.answerWith((_request, response) => sendPage(response, page));
  return { ...server, labels };
}

function waiting(picker: TestPicker): unknown[] {
  return picker.picker.store.snapshot().map(({ signals }) => signals.waitingRequests.value);
}

function values({ waitingRequests, runningRequests, kvCacheRatio, cacheInfo }: EndpointSignals): unknown[] {
  return [waitingRequests.value, runningRequests.value, kvCacheRatio.value, cacheInfo.value];
}

for (const engine of Object.keys(enginePages)) {
  test(`F7 a pool of ${engine} servers is read and routed by its own metrics`, async (t) => {
    const busy = { waiting: 9, running: 4, kvCacheRatio: 0.5, blockSize: 32, blocks: 512 };
    const servers = [await serving(t, engine, busy), await serving(t, engine, { waiting: 1 })];
    const picker = await startTestPicker(t, servers, { config: byQueue({ extractor: `defaultEngine: ${engine}` }) });
    const signals = picker.picker.store.snapshot()[0]!.signals;
    const want = engine === "triton" ? [9, 4, undefined, undefined] : [9, 4, 0.5, { blockSizeTokens: 32, blocks: 512 }];
    assert.deepEqual(values(signals), want);
    assert.equal(await destinationOf(picker, completion("base")), servers[1]?.address);
    assert.equal(await picker.sample('epp_scrape_missing_families_total{signal="waitingRequests"}'), undefined);
  });
}

test("F8 in a mixed pool the label picks the engine: new, legacy, new before legacy, empty, unknown, none", async (t) => {
  const servers = [
    await serving(t, "sglang", { waiting: 2 }, { [label]: "sglang" }),
    await serving(t, "trtllm-serve", { waiting: 3 }, { [legacy]: "trtllm-serve" }),
    await serving(t, "sglang", { waiting: 4 }, { [label]: "sglang", [legacy]: "triton" }),
    await serving(t, "triton", { waiting: 5 }, { [label]: "", [legacy]: "triton" }),
    await serving(t, "vllm", { waiting: 6 }, { [label]: "of-tomorrow" }),
    await serving(t, "vllm", { waiting: 1 }),
  ];
  const picker = await startTestPicker(t, servers, { config: byQueue() });
  assert.deepEqual(waiting(picker), [2, 3, 4, 5, 6, 1]);
  assert.equal(await destinationOf(picker, completion("base")), servers[5]?.address);
});

test("F8 engines of the config: one of its own, and one in a built-in's place", async (t) => {
  const engines =
    '[{ name: mine, queuedRequestsSpec: "sglang:num_queue_reqs" }, { name: vllm, queuedRequestsSpec: "vllm:num_requests_running" }]';
  const servers = [
    await serving(t, "sglang", { waiting: 3, kvCacheRatio: 0.5 }, { "my/engine": "mine" }),
    await serving(t, "vllm", { waiting: 0, running: 7 }),
  ];
  const extractor = `engineLabelKey: my/engine, engineConfigs: ${engines}`;
  const picker = await startTestPicker(t, servers, { config: byQueue({ extractor }) });
  assert.deepEqual(
    picker.picker.store.snapshot().map(({ signals }) => values(signals)),
    [
      [3, undefined, undefined, undefined],
      [7, undefined, undefined, undefined],
    ],
  );
  assert.equal(await destinationOf(picker, completion("base")), servers[0]?.address);
});

test("the total that triton reports for running requests is scored and is in no gauge", async (t) => {
  const servers = [await serving(t, "triton", { running: 4000 }), await serving(t, "triton", { running: 3000 })];
  const extractor = "defaultEngine: triton";
  const picker = await startTestPicker(t, servers, {
    config: byQueue({ extractor, scorer: "running-requests-size-scorer" }),
  });
  assert.equal(await destinationOf(picker, completion("base")), servers[1]?.address);
  assert.equal(await picker.sample('llm_d_epp_average_running_requests{name="pool"}'), 0);
});

test("metrics on a port and path of their own; a refused one leaves the endpoint in use", async (t) => {
  const serverPorts = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const metrics = await startFakeModelServer(t, { waiting: 5 });
  const config = byQueue({ source: `port: ${metrics.port}, path: /m` });
  const picker = await startTestPicker(t, serverPorts, { config });
  assert.deepEqual([waiting(picker), serverPorts[0]?.requests()], [[5, 5], 0]);
  assert.equal((await metrics.nextRequest()).url, "/m");
  const refused = await startTestPicker(t, serverPorts, {
    config: byQueue({ source: `port: ${await closedPort()}` }),
    scraped: false,
  });
  while (((await refused.sample('epp_scrape_failures_total{reason="connect-refused"}')) ?? 0) < 6);
  assert.ok(refused.picker.store.snapshot().every(({ lastResort }) => !lastResort));
});

test("metrics over HTTPS with a verified certificate; a file that is not there stops the start and is named", async (t) => {
  const authority = await createAuthority();
  const server = createServer(await authority.issue(), (_request, response) =>
    sendPage(response, renderPage({ waiting: 4, running: 0, kvCacheRatio: 0 })),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const folder = mkdtempSync(join(tmpdir(), "epp-https-"));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ca = join(folder, "ca.pem");
  writeFileSync(ca, authority.cert);
  const listed = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const source = (file: string): string => `scheme: https, insecureSkipVerify: false, caCertPath: ${file}`;
  const picker = await startTestPicker(t, [listed], { config: byQueue({ source: source(ca) }) });
  assert.deepEqual(waiting(picker), [4]);
  const absent = join(folder, "absent.pem");
  const start = startTestPicker(t, [listed], { config: byQueue({ source: source(absent) }) });
  await assert.rejects(start, (error: Error) =>
    error.message.startsWith(`Cannot read authorities "${absent}": ENOENT`),
  );
});

test("F14 when every endpoint is stale, requests go round by the picker's own count and the pool is degraded", async (t) => {
  const servers = await Promise.all([0, 1, 2, 3].map(() => startFakeModelServer(t)));
  const picker = await startTestPicker(t, servers, { stalenessMs: 100 });
  assert.equal(await picker.sample("epp_pool_degraded"), 0);
  for (const server of servers) server.answerWith((_request, response) => response.writeHead(503).end());
  while ((await picker.sample("epp_pool_degraded")) !== 1);
  const counts = new Map<string | undefined, number>();
  const streams = Array.from({ length: 12 }, (_, i) => ({ stream: picker.open(), prompt: `question ${i} of its own` }));
  for (const { stream, prompt } of streams) {
    stream.requestHeaders(completionHeaders).requestBody(completion("base", prompt));
    const [first] = await stream.until(isLastOfRequest);
    const destination = setHeaders(first!)["x-gateway-destination-endpoint"];
    counts.set(destination, (counts.get(destination) ?? 0) + 1);
  }
  assert.deepEqual(new Set(counts.keys()), new Set(servers.map(({ address }) => address)));
  assert.deepEqual(new Set(counts.values()), new Set([3]));
  for (const server of servers) server.answerWith(undefined);
  while ((await picker.sample("epp_pool_degraded")) !== 0);
  for (const { stream } of streams) await stream.close();
});

/** A logger that keeps what it is told. */
function collectLog(): { logger: Logger; lines: { data: Record<string, unknown>; message: string }[] } {
  const lines: { data: Record<string, unknown>; message: string }[] = [];
  const keep = (data: object, message: string): void =>
    void lines.push({ data: data as Record<string, unknown>, message });
  return { logger: { debug: () => {}, info: keep, warn: keep, error: keep }, lines };
}

test("F15 the start says which metric stands for which signal; a renamed one is counted, logged once and never taken for scraped", async (t) => {
  const { logger, lines } = collectLog();
  const server = await startFakeModelServer(t);
  const renamed = renderPage({ waiting: 1, running: 2, kvCacheRatio: 0.5 }).replaceAll(
    "num_requests_waiting",
    "queue_length",
  );
  server.answerWith((_request, response) => sendPage(response, renamed));
  const picker = await startTestPicker(t, [server], { logger, scraped: false });
  const [mapping] = lines.filter(({ message }) => message === "Reading metrics");
  const engines = mapping?.data["engines"] as readonly { engine: string; waitingRequests: string }[];
  assert.equal(mapping?.data["default"], "vllm");
  assert.deepEqual(
    engines.map(({ engine, waitingRequests }) => `${engine} ${waitingRequests}`),
    [
      "vllm vllm:num_requests_waiting",
      "sglang sglang:num_queue_reqs",
      "trtllm-serve trtllm_num_requests_waiting",
      "triton-tensorrt-llm nv_trt_llm_request_metrics{request_type=waiting}",
      "triton nv_inference_pending_request_count",
    ],
  );
  while (((await picker.sample('epp_scrape_missing_families_total{signal="waitingRequests"}')) ?? 0) < 3);
  const { waitingRequests, runningRequests, kvCacheRatio } = picker.picker.store.snapshot()[0]!.signals;
  assert.deepEqual([waitingRequests, runningRequests, kvCacheRatio].map(scrapedOf), [undefined, 2, 0.5]);
  assert.deepEqual([waitingRequests.source, waitingRequests.value], ["blended", 0], "guessed by own requests");
  assert.equal(lines.filter(({ message }) => message.startsWith("Metrics page lacks families")).length, 1);
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});

test("a host name that cannot be resolved is counted and logged", async (t) => {
  const { logger, lines } = collectLog();
  const server = await startFakeModelServer(t);
  const listed = [server, { host: "nobody.invalid", port: 1 }];
  const picker = await startTestPicker(t, listed, { logger });
  const unresolved = (): typeof lines => lines.filter(({ message }) => message.startsWith("Host name not resolved"));
  await until("a line about the name", () => unresolved().length > 0);
  assert.equal(unresolved()[0]?.data["host"], "nobody.invalid");
  assert.ok(((await picker.sample("epp_host_resolution_failures_total")) ?? 0) >= 1);
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});

test("the interval in force is exported", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server], {
    config: byQueue({ source: "interval: 90ms" }),
    scrapeIntervalMs: 60,
  });
  assert.equal(await picker.sample("epp_scrape_interval_seconds"), 0.12);
});
