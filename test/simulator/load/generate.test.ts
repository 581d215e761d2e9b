import assert from "node:assert/strict";
import test from "node:test";
import { generateLoad, loadNames, mixedBurst, mixedLoad, uniformLoad } from "../../../simulator/load/generate.ts";
import { type LoadRequest, requestBody, requestPath } from "../../../simulator/load/load-request.ts";
import { countBy } from "./count-by.ts";

const options = { seed: 7, seconds: 30, ratePerSecond: 70, model: "base" } as const;
const mixed = generateLoad({ name: "mixed", ...options });
const uniform = generateLoad({ name: "uniform", ...options });

for (const name of loadNames) {
  test(`generateLoad repeats the load "${name}" for a seed and changes it with the seed`, () => {
    const small = { name, seconds: 3, ratePerSecond: 20, model: "base" };
    assert.deepEqual(generateLoad({ ...small, seed: 1 }), generateLoad({ ...small, seed: 1 }));
    assert.notDeepEqual(generateLoad({ ...small, seed: 1 }), generateLoad({ ...small, seed: 2 }));
  });

  test(`generateLoad gives "${name}" its exact number of requests, in order, within its time`, () => {
    const load = name === "mixed" ? mixed : uniform;
    assert.equal(load.length, 2100);
    for (const [i, { id, arrivalMs }] of load.entries()) {
      assert.equal(id, i);
      assert.ok(arrivalMs >= (load[i - 1]?.arrivalMs ?? 0) && arrivalMs < 30_000);
    }
  });
}

function usersOf({ prompt }: LoadRequest): number {
  return prompt.api === "completions" ? 0 : prompt.messages.filter(({ role }) => role === "user").length;
}

test("the load mixed has the share of adapters it names, the first ones most", () => {
  const adapters = countBy(mixed.map(({ adapter }) => adapter));
  const base = adapters.get(undefined) ?? 0;
  assert.ok(Math.abs(1 - base / mixed.length - mixedLoad.adapterShare) < 0.1);
  assert.equal(adapters.size, mixedLoad.adapters + 1);
  assert.ok((adapters.get("adapter-1") ?? 0) > 3 * (adapters.get(`adapter-${mixedLoad.adapters}`) ?? 0));
  for (const { model, adapter } of mixed) assert.equal(model, adapter ?? "base");
});

test("the load mixed has chats whose turns continue the turn before", () => {
  const turns = mixed.filter((request) => usersOf(request) > 1);
  assert.ok(turns.length > mixed.length / 2);
  const histories = new Set(
    mixed.map(({ prompt }) => (prompt.api === "completions" ? "" : JSON.stringify(prompt.messages))),
  );
  const continued = turns.filter(({ prompt }) => {
    return prompt.api === "chat-completions" && histories.has(JSON.stringify(prompt.messages.slice(0, -2)));
  });
  // Those that began before the load did have their first turns outside of it.
  assert.ok(continued.length > turns.length * 0.6);
});

test("the load mixed shares one system prompt among the chats of an application", () => {
  const systems = new Set(
    mixed.flatMap(({ prompt }) => (prompt.api === "completions" ? [] : [prompt.messages[0]?.content])),
  );
  assert.equal(systems.size, mixedLoad.applications + mixedLoad.adapters);
});

test("the load mixed has mixed lengths", () => {
  const outputs = mixed.map(({ outputTokens }) => outputTokens);
  const { min, max, median } = mixedLoad.outputTokens;
  assert.equal(Math.min(...outputs), min);
  assert.equal(Math.max(...outputs), max);
  const middle = outputs.toSorted((a, b) => a - b)[outputs.length / 2] ?? 0;
  assert.ok(Math.abs(middle - median) <= 1);
});

test("the load mixed has a burst in the middle", () => {
  const { from, to, factor } = mixedBurst;
  const inBurst = mixed.filter(({ arrivalMs }) => arrivalMs >= from * 30_000 && arrivalMs < to * 30_000).length;
  const ratio = inBurst / (to - from) / ((mixed.length - inBurst) / (1 - to + from));
  assert.ok(Math.abs(ratio - factor) < 0.2, `${ratio}`);
});

test("the load uniform is evenly spaced and shares nothing", () => {
  for (const [i, { arrivalMs, adapter, outputTokens }] of uniform.entries()) {
    assert.ok(Math.abs(arrivalMs - (i * 1000) / 70) < 1e-6);
    assert.equal(adapter, undefined);
    assert.equal(outputTokens, uniformLoad.outputTokens);
  }
  const prompts = new Set(uniform.map(({ prompt }) => (prompt.api === "completions" ? prompt.text.slice(0, 64) : "")));
  assert.equal(prompts.size, uniform.length);
});

test("requestBody asks for a streamed answer of exact length with its usage", () => {
  const chat = mixed.find(({ prompt }) => prompt.api === "chat-completions");
  const single = mixed.find(({ prompt }) => prompt.api === "completions");
  assert.ok(chat && single);
  assert.equal(requestPath(chat), "/v1/chat/completions");
  assert.equal(requestPath(single), "/v1/completions");
  const body = JSON.parse(requestBody(single)) as Record<string, unknown>;
  assert.deepEqual(body, {
    model: single.model,
    prompt: single.prompt.api === "completions" ? single.prompt.text : "",
    max_tokens: single.outputTokens,
    stream: true,
    stream_options: { include_usage: true },
  });
});
