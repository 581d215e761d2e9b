import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type EmulatedPool, startEmulatedServers } from "../../simulator/emulated-server/pool.ts";
import type { PickerHost } from "../../src/envoy/options.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createRandom } from "../../src/lib/random.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import type { FakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

interface Gateway {
  readonly url: string;
  readonly pool: EmulatedPool;
  readonly picker: TestPicker;
}

/** Emulated servers, a picker with TLS as it is by default, and a real Envoy before them. */
async function aGateway(t: TestContext, host: PickerHost, failOpen = false): Promise<Gateway> {
  const models = { base: "base", adapters: ["adapter-1"] };
  const random = createRandom(1);
  const pool = await startEmulatedServers({ count: 2, replica: "llama-3-8b-h100", models, clock: systemClock, random });
  t.after(() => pool.close());
  const picker = await startTestPicker(t, pool.endpoints as unknown as FakeModelServer[], { secureServing: true });
  const { grpcPort: port, grpcHealthPort: healthPort } = picker.picker;
  const address = { host: "127.0.0.1", port, healthPort, isSecure: true };
  const envoy = await anEnvoy(t, { kind: "picker", host, pickers: [address], failOpen }, pool.endpoints);
  const url = `http://127.0.0.1:${envoy.listener.port}`;
  await untilAnswered(url);
  return { url, pool, picker };
}

/** Envoy answers 5xx until its first health check of the picker has passed. */
async function untilAnswered(url: string): Promise<void> {
  await eventually("an answer of the gateway", async () => {
    const response = await fetch(`${url}/v1/models`);
    await response.arrayBuffer();
    return response.ok;
  });
}

/** Waits for what other processes bring about; fails after 10 s. */
const eventually = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, isTrue, 10_000);

function post(url: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const all = { "content-type": "application/json", ...headers };
  return fetch(`${url}${path}`, { method: "POST", headers: all, body: JSON.stringify(body) });
}

for (const host of ["original-dst", "override-host"] as const) {
  test(`Envoy with ${host} forwards completions, streamed chat and GET to the picked server`, {
    skip: skipWithoutEnvoy,
  }, async (t) => {
    const { url, pool, picker } = await aGateway(t, host);

    const completion = await post(url, "/v1/completions", { model: "base", prompt: "Say hello", max_tokens: 5 });
    assert.equal(completion.status, 200);
    assert.equal(completion.headers.get("x-went-into-resp-headers"), "true");
    const answer = (await completion.json()) as { usage: { completion_tokens: number } };
    assert.equal(answer.usage.completion_tokens, 5);

    const chat = await post(url, "/v1/chat/completions", {
      model: "base",
      messages: [{ role: "user", content: "Say hello" }],
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = (await chat.text()).split("\n\n").filter((event) => event !== "");
    assert.equal(events.at(-1), "data: [DONE]");
    assert.ok(events.length >= 6, `${events.length} events`);

    const models = await fetch(`${url}/v1/models`);
    assert.equal(models.status, 200);
    assert.match(await models.text(), /adapter-1/);

    const names = pool.endpoints.map(({ name }) => name);
    for (const response of [completion, chat, models]) {
      assert.ok(names.includes(response.headers.get("x-emulated-endpoint") ?? ""));
    }
    await until("end of all requests", () => picker.picker.store.ledger.total === 0);
    await eventually("no stream is open", async () => (await picker.sample("epp_streams_open")) === 0);
  });
}

test("Envoy sends a request to the emptier server", { skip: skipWithoutEnvoy }, async (t) => {
  const { url, pool, picker } = await aGateway(t, "original-dst");
  const [busy, idle] = pool.endpoints;
  const direct = `http://${busy?.host}:${busy?.port}`;
  // Long prompts straight to one server fill its cache, which the picker sees in its metrics.
  const prompt = "word ".repeat(40_000);
  const load = Array.from({ length: 4 }, (_, index) =>
    post(direct, "/v1/completions", { model: "base", prompt: `${index} ${prompt}`, max_tokens: 400 }),
  );
  await until("load in the metrics", () => {
    const [first] = picker.picker.store.snapshot();
    return (first?.signals.kvCacheRatio.value ?? 0) > 0.02;
  });
  for (let index = 0; index < 3; index++) {
    const response = await post(url, "/v1/completions", { model: "base", prompt: `short ${index}`, max_tokens: 1 });
    await response.arrayBuffer();
    assert.equal(response.headers.get("x-emulated-endpoint"), idle?.name);
  }
  for (const response of await Promise.all(load)) await response.arrayBuffer();
});

test("Envoy passes the picker's refusals on", { skip: skipWithoutEnvoy }, async (t) => {
  const { url } = await aGateway(t, "original-dst");
  const missing = await post(url, "/v1/completions", { prompt: "no model" });
  assert.equal(missing.status, 400);
  assert.equal(missing.headers.get("x-llm-d-request-dropped-reason"), "rejected-bad-request");
  assert.equal(await missing.text(), "inference error: BadRequest - model not found in request body");
});

/** A listener that must never be reached. */
async function aCanary(t: TestContext): Promise<{ address: string; hits: () => number }> {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits++;
    response.end("canary");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, hits: () => hits };
}

for (const host of ["original-dst", "override-host"] as const) {
  for (const failOpen of [false, true]) {
    const mode = failOpen ? "fail-open" : "fail-close";
    test(`T01 a client's destination header reaches nothing with ${host}, ${mode}`, {
      skip: skipWithoutEnvoy,
    }, async (t) => {
      const { url, pool, picker } = await aGateway(t, host, failOpen);
      const canary = await aCanary(t);
      const attack = async (): Promise<Response> => {
        const headers = { "X-Gateway-Destination-Endpoint": canary.address };
        const response = await post(url, "/v1/completions", { model: "base", prompt: "hi", max_tokens: 1 }, headers);
        await response.arrayBuffer();
        return response;
      };
      const routed = await attack();
      assert.equal(routed.status, 200);
      assert.ok(pool.endpoints.some(({ name }) => name === routed.headers.get("x-emulated-endpoint")));

      await picker.picker.close();
      for (let attempt = 0; attempt < 5; attempt++) {
        const { status } = await attack();
        const isServed = failOpen && host === "override-host" && status === 200;
        assert.ok(isServed || status >= 500, `status ${status}`);
      }
      // Only override_host has somewhere else to go, once the health check has found that the picker is gone: before,
      // Envoy has sent it the body already and cannot fail open any more.
      if (failOpen && host === "override-host")
        await eventually("fail-open", async () => (await attack()).status === 200);
      assert.equal(canary.hits(), 0);
    });
  }
}
