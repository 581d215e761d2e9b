import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";
import { startEmulatedServers } from "../../../simulator/emulated-server/pool.ts";
import { fastConfig, metric, post, readEvents, startServers } from "./support.ts";

const prompt = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen ".repeat(4);

test("a completion answers with exactly max_tokens tokens and its usage", async (t) => {
  const { urls } = await startServers(t, 2);
  const response = await post(`${urls[1]}/v1/completions`, { model: "base", prompt: "12345", max_tokens: 3 });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-emulated-endpoint"), "server-1");
  const { id, created, ...rest } = (await response.json()) as Record<string, unknown>;
  assert.match(String(id), /^cmpl-/);
  assert.ok(Number(created) > 1.7e9);
  assert.deepEqual(rest, {
    object: "text_completion",
    model: "base",
    choices: [{ index: 0, text: " all any can", logprobs: null, finish_reason: "length", stop_reason: null }],
    usage: { prompt_tokens: 2, total_tokens: 5, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 0 } },
  });
});

test("a completion without max_tokens has 16 tokens", async (t) => {
  const { urls } = await startServers(t);
  const response = await post(`${urls[0]}/v1/completions`, { model: "base", prompt: [1, 2, 3] });
  const { usage } = (await response.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [3, 16]);
});

test("a streamed chat gives the role, one chunk a token, the usage and [DONE]", async (t) => {
  const { urls } = await startServers(t);
  const response = await post(`${urls[0]}/v1/chat/completions`, {
    model: "a1",
    messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
    max_completion_tokens: 2,
    stream: true,
    stream_options: { include_usage: true },
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const events = await readEvents(response);
  const choices = events
    .slice(0, 3)
    .map((event) => (event as { choices: { delta: unknown; finish_reason: unknown }[] }).choices[0]);
  assert.deepEqual(
    choices.map((choice) => [choice?.delta, choice?.finish_reason]),
    [
      [{ role: "assistant", content: "" }, null],
      [{ content: " two" }, null],
      [{ content: " way" }, "length"],
    ],
  );
  assert.deepEqual((events[3] as { usage: unknown }).usage, {
    // "user\nhello\nassistant\n" has 21 bytes.
    prompt_tokens: 6,
    total_tokens: 8,
    completion_tokens: 2,
    prompt_tokens_details: { cached_tokens: 0 },
  });
  assert.equal(events[4], "[DONE]");
  assert.equal(events.length, 5);
});

test("a streamed completion without include_usage ends with the last token and [DONE]", async (t) => {
  const { urls } = await startServers(t);
  const response = await post(`${urls[0]}/v1/completions`, { model: "base", prompt: "x", max_tokens: 3, stream: true });
  const events = await readEvents(response);
  assert.equal(events.length, 4);
  assert.equal(events[3], "[DONE]");
});

test("a repeated prompt comes from the cache, another adapter's or salt's does not", async (t) => {
  const { pool, urls } = await startServers(t);
  const cached = async (fields: Record<string, string>): Promise<number> => {
    const response = await post(`${urls[0]}/v1/completions`, { model: "base", prompt, max_tokens: 1, ...fields });
    type Body = { usage: { prompt_tokens_details: { cached_tokens: number } } };
    return ((await response.json()) as Body).usage.prompt_tokens_details.cached_tokens;
  };
  const whole = Math.floor(prompt.length / 64) * 16;
  assert.equal(await cached({}), 0);
  assert.equal(await cached({}), whole);
  assert.equal(await cached({ model: "a1" }), 0);
  assert.equal(await cached({ model: "a1" }), whole);
  assert.equal(await cached({ cache_salt: "s" }), 0);
  assert.equal(await cached({ prompt: `${prompt}and more` }), whole);
  const { requests, cachedTokens, queriedTokens } = pool.stats("server-0");
  assert.deepEqual([requests, cachedTokens], [6, 3 * whole]);
  assert.ok(queriedTokens > cachedTokens);
});

test("a chat that is sent back with its answer finds the answer in the cache", async (t) => {
  const { urls } = await startServers(t);
  type Body = {
    choices: { message: { content: string } }[];
    usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
  };
  const ask = async (messages: unknown[]): Promise<Body> => {
    const response = await post(`${urls[0]}/v1/chat/completions`, { model: "base", messages, max_tokens: 100 });
    return (await response.json()) as Body;
  };
  const first = { role: "user", content: prompt };
  const { choices, usage } = await ask([first]);
  const answer = { role: "assistant", content: choices[0]!.message.content };
  const second = await ask([first, answer, { role: "user", content: "and then?" }]);
  const { cached_tokens } = second.usage.prompt_tokens_details;
  assert.ok(cached_tokens > usage.prompt_tokens + 80, `${cached_tokens} cached of ${second.usage.prompt_tokens}`);
});

const badRequests = [
  {
    name: "an unknown model",
    body: { model: "gpt-9", prompt: "x" },
    status: 404,
    message: "The model `gpt-9` does not exist.",
  },
  { name: "malformed JSON", body: '{"model":', status: 400, message: /Cannot read request body: .*expected JSON/ },
  { name: "no prompt", body: { model: "base" }, status: 400, message: /prompt: Invalid input/ },
  {
    name: "max_tokens 0",
    body: { model: "base", prompt: "x", max_tokens: 0 },
    status: 400,
    message: /max_tokens: .*>=1/,
  },
  {
    name: "more tokens than the model takes",
    body: { model: "base", prompt: "x", max_tokens: 9000 },
    status: 400,
    message: /maximum context length is 8192 tokens. However, you requested 9001 tokens/,
  },
] as const;

for (const { name, body, status, message } of badRequests) {
  test(`${name} is answered with ${status}`, async (t) => {
    const { urls } = await startServers(t);
    const response = await post(`${urls[0]}/v1/completions`, body);
    const { error } = (await response.json()) as { error: { message: string; code: number } };
    assert.deepEqual([response.status, error.code], [status, status]);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
  });
}

test("models, health, unknown paths and methods answer as vLLM's do", async (t) => {
  const { urls } = await startServers(t);
  const models = (await (await fetch(`${urls[0]}/v1/models`)).json()) as {
    data: { id: string; parent: string | null }[];
  };
  assert.deepEqual(
    models.data.map(({ id, parent }) => [id, parent]),
    [
      ["base", null],
      ["a1", "base"],
      ["a2", "base"],
    ],
  );
  assert.equal((await fetch(`${urls[0]}/health`)).status, 200);
  assert.equal((await fetch(`${urls[0]}/nothing`)).status, 404);
  assert.equal((await fetch(`${urls[0]}/v1/completions`)).status, 405);
});

test("a client that goes away ends its request in the engine", async (t) => {
  const { pool, urls } = await startServers(t);
  const controller = new AbortController();
  const body = { model: "base", prompt, max_tokens: 4000, stream: true };
  const response = await post(`${urls[0]}/v1/completions`, body, controller.signal);
  const reader = response.body!.getReader();
  await reader.read();
  assert.equal(pool.load("server-0").running, 1);
  controller.abort();
  while (pool.load("server-0").running > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(pool.load("server-0").kvCacheRatio, 0);
  const page = await (await fetch(`${urls[0]}/metrics`)).text();
  assert.equal(metric(page, 'vllm:request_success_total{engine="0",finished_reason="abort"'), 1);
});

test("the metrics page counts what was served, and shows adapters once one was used", async (t) => {
  const { urls } = await startServers(t);
  const before = await (await fetch(`${urls[0]}/metrics`)).text();
  assert.ok(before.length > 20_000 && before.length < 100_000);
  assert.equal(metric(before, 'vllm:num_requests_waiting{engine="0",model_name="base"}'), 0);
  assert.match(before, /vllm:cache_config_info\{block_size="16",.*num_gpu_blocks="1000"/);
  assert.doesNotMatch(before, /lora_requests_info/);
  await (await post(`${urls[0]}/v1/completions`, { model: "a2", prompt: "x", max_tokens: 4 })).text();
  const after = await (await fetch(`${urls[0]}/metrics`)).text();
  assert.equal(metric(after, "vllm:generation_tokens_total{"), 4);
  assert.equal(metric(after, "vllm:prompt_tokens_total{"), 1);
  assert.equal(metric(after, 'vllm:request_success_total{engine="0",finished_reason="length"'), 1);
  assert.equal(metric(after, "vllm:time_to_first_token_seconds_count"), 1);
  assert.equal(metric(after, "vllm:inter_token_latency_seconds_count"), 3);
  const adapters = 'vllm:lora_requests_info{max_lora="4",running_lora_adapters="",waiting_lora_adapters=""} ';
  assert.ok(Math.abs((metric(after, adapters) ?? 0) - Date.now() / 1000) < 60);
});

test("faults change one endpoint until a reset", async (t) => {
  const { urls } = await startServers(t, 2);
  const status = async (path: string): Promise<number> => (await fetch(`${urls[0]}${path}`)).status;
  const set = (faults: unknown): Promise<Response> => post(`${urls[0]}/emulator/fault`, faults);
  await set({ metrics: "error" });
  assert.equal(await status("/metrics"), 500);
  assert.equal((await fetch(`${urls[1]}/metrics`)).status, 200);
  await set({ metrics: "silent" });
  await assert.rejects(fetch(`${urls[0]}/metrics`, { signal: AbortSignal.timeout(30) }), /aborted/);
  await set({ metrics: "frozen", failRatio: 1 });
  const frozen = await (await fetch(`${urls[0]}/metrics`)).text();
  const request = { model: "base", prompt: "x", max_tokens: 2 };
  assert.equal((await post(`${urls[0]}/v1/completions`, request)).status, 500);
  await set({ failRatio: 0 });
  assert.equal((await post(`${urls[0]}/v1/completions`, request)).status, 200);
  assert.equal(await (await fetch(`${urls[0]}/metrics`)).text(), frozen);
  await post(`${urls[0]}/emulator/reset`, "");
  assert.notEqual(await (await fetch(`${urls[0]}/metrics`)).text(), frozen);
  const refused = await set({ metrics: "loud", slow: 2 });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /Cannot set faults: metrics: .*; body: .*slow/);
});

test("a hanging endpoint goes on after the hang", async (t) => {
  const { urls } = await startServers(t);
  await post(`${urls[0]}/emulator/fault`, { hang: true });
  let isAnswered = false;
  const answer = post(`${urls[0]}/v1/completions`, { model: "base", prompt: "x" }).then((response) => {
    isAnswered = true;
    return response.status;
  });
  await post(`${urls[0]}/emulator/fault`, { slowFactor: 2 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(isAnswered, false);
  await post(`${urls[0]}/emulator/fault`, { hang: false });
  assert.equal(await answer, 200);
});

test("many requests at once all end with their tokens", async (t) => {
  const { pool, urls } = await startServers(t, 3);
  const answers = Array.from({ length: 60 }, async (_, i) => {
    const body = {
      model: i % 4 === 0 ? "a1" : "base",
      prompt: `${i} ${prompt}`,
      max_tokens: 1 + (i % 20),
      stream: true,
    };
    return (await readEvents(await post(`${urls[i % 3]}/v1/completions`, body))).length - 2;
  });
  assert.deepEqual(
    await Promise.all(answers),
    Array.from({ length: 60 }, (_, i) => i % 20),
  );
  const totals = pool.endpoints.map(({ name }) => pool.stats(name).requests);
  assert.deepEqual(totals, [20, 20, 20]);
});

test("a port in use rejects the start and leaves nothing open", async () => {
  const blocker = createServer();
  blocker.listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  const options = {
    replica: fastConfig(),
    models: { base: "base", adapters: [] },
    clock: systemClock,
    random: createRandom(1),
  };
  await assert.rejects(startEmulatedServers({ ...options, count: 1, firstPort: port }), /EADDRINUSE/);
  await assert.rejects(startEmulatedServers({ ...options, count: 0 }), /count is 0, expected a whole number from 1/);
  blocker.close();
});
