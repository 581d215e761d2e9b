import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";
import { exportBytesPerToken } from "../../src/telemetry/pool-metrics.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, isLastOfRequest } from "../support/exchanges.ts";
import { renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";

const labels = 'endpoint_name="server-0",namespace="default"';

/** The system's clock, which a test can set forward. */
class AdjustableClock implements Clock {
  aheadMs = 0;

  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }

  wallMs(): number {
    return systemClock.wallMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    return systemClock.after(delayMs, callback);
  }
}

test("gauges of an endpoint's signals follow its pages and the picker's own requests", async (t) => {
  const clock = new AdjustableClock();
  const server = await startFakeModelServer(t, { waiting: 3, running: 2, kvCacheRatio: 0.5 });
  const picker = await startTestPicker(t, [server], { clock });
  const read = (name: string, more = ""): Promise<number | undefined> => picker.sample(`${name}{${labels}${more}}`);
  await picker.scrapedAgain();
  assert.deepEqual(
    [await read("epp_signal_residual", ',signal="waitingRequests"'), await read("epp_endpoint_drift_requests")],
    [0, 5],
  );
  for (const of of ["requests", "kvCacheRatio"]) assert.equal(await read("epp_signal_trust", `,of="${of}"`), 1);
  assert.deepEqual([await read("epp_endpoint_credit"), await read("epp_endpoint_slow_start")], [1, 0]);

  const stream = picker
    .open()
    .requestHeaders(completionHeaders)
    .requestBody(completion("base", "x".repeat(1000)));
  await stream.until(isLastOfRequest);
  assert.deepEqual(
    [await read("epp_endpoint_prefill_tokens"), await read("epp_endpoint_drift_requests")],
    [250, 4],
    "1000 bytes at 4 a token; one request open",
  );

  server.setLoad({ waiting: 0, running: 0 });
  clock.aheadMs += 2000;
  while ((await read("epp_endpoint_credit")) !== 0);
  assert.equal(await read("epp_endpoint_drift_requests"), -1);
  assert.ok((await read("epp_signal_residual", ',signal="waitingRequests"'))! < 0, "less waits than predicted");

  assert.equal(await picker.sample('epp_bytes_per_token{target_model_name="base"}'), undefined);
  stream
    .responseHeaders([
      [":status", "200"],
      ["content-type", "application/json"],
    ])
    .responseBody('{"usage":{"prompt_tokens":500,"completion_tokens":1,"total_tokens":501}}', true);
  await stream.close();
  assert.equal(await read("epp_endpoint_prefill_tokens"), 0);
  assert.equal(await picker.sample('epp_bytes_per_token{target_model_name="base"}'), 3.8);
});

test("an endpoint whose waiting requests are unknown has neither drift nor their residual", async (t) => {
  const server = await startFakeModelServer(t);
  const page = renderPage({ waiting: 1, running: 2, kvCacheRatio: 0.5 }).replaceAll("num_requests_waiting", "renamed");
  server.answerWith((_request, response) => sendPage(response, page));
  const picker = await startTestPicker(t, [server], { scraped: false });
  while ((await picker.sample(`epp_signal_residual{${labels},signal="runningRequests"}`)) === undefined);
  const found = await picker.metrics();
  assert.doesNotMatch(found, /^epp_endpoint_drift_requests\{/m);
  assert.doesNotMatch(found, /^epp_signal_residual\{.*waitingRequests/m);
});

test("an endpoint that joins a pool at work shows as a newcomer, and its series go with it", async (t) => {
  const clock = new AdjustableClock();
  const servers = [await startFakeModelServer(t), await startFakeModelServer(t)];
  const picker = await startTestPicker(t, servers.slice(0, 1), { clock });
  const { store } = picker.picker;
  clock.aheadMs += 2000;
  await picker.scrapedAgain();
  const { host, port, address } = servers[1]!;
  const id = "default/late";
  store.upsert({ id, incarnation: "late-1", name: "late", namespace: "default", host, port, address, labels: {} });
  const late = 'endpoint_name="late",namespace="default"';
  assert.equal(await picker.sample(`epp_endpoint_slow_start{${late}}`), 1);
  assert.equal(await picker.sample(`epp_endpoint_slow_start{${labels}}`), 0);
  clock.aheadMs += 30_000;
  while ((await picker.sample(`epp_endpoint_slow_start{${late}}`)) !== 0);
  store.remove(id);
  assert.doesNotMatch(await picker.metrics(), /^epp_\w+\{endpoint_name="late"/m);
});

test("the half-life bounds of the options are those of the store", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server], { halfLife: { minMs: 100, maxMs: 700 } });
  const { store } = picker.picker;
  const { id, incarnation } = store.snapshot()[0]!;
  assert.equal(store.trackRecord(id, incarnation)?.halfLifeMs("waitingRequests", 0), 700);
});

test("bytes per token has at most 1000 models, and only those that are still known", async () => {
  const registry = createRegistry();
  let models = Array.from({ length: 1000 }, (_, i): [string, number] => [`model-${i}`, 4]);
  exportBytesPerToken(registry, () => models);
  const count = async (): Promise<number> => (await registry.page()).match(/^epp_bytes_per_token\{/gm)?.length ?? 0;
  assert.equal(await count(), 1000);
  models = [...models.slice(0, 500), ...Array.from({ length: 500 }, (_, i): [string, number] => [`later-${i}`, 3])];
  assert.equal(await count(), 500);
  assert.doesNotMatch(await registry.page(), /target_model_name="(later|other)/);
});
