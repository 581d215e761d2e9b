import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { componentPlugins } from "../../src/config/component-plugins.ts";
import { z } from "../../src/lib/schema.ts";
import { definePlugin, type PluginDefinition } from "../../src/scheduling/plugin.ts";
import { createRegistry, schedulingPlugins } from "../../src/scheduling/registry.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, destinationOf, requestAnswers } from "../support/exchanges.ts";
import { type HeaderPairs, setHeaders } from "../support/ext-proc-client.ts";
import { renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";

const head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

function weighted(queue: number, kv: number): string {
  return `${head}plugins:
  - type: queue-scorer
  - type: kv-cache-utilization-scorer
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: queue-scorer, weight: ${queue} }
      - { pluginRef: kv-cache-utilization-scorer, weight: ${kv} }
`;
}

test("G1 without a config the default profile routes", async (t) => {
  const servers = [await startFakeModelServer(t, { waiting: 9 }), await startFakeModelServer(t, { waiting: 0 })];
  const picker = await startTestPicker(t, servers);
  assert.equal(await destinationOf(picker, completion("base")), servers[1]?.address);
});

test("H1 weights change the winner", async (t) => {
  const servers = [
    await startFakeModelServer(t, { waiting: 0, kvCacheRatio: 0.9 }),
    await startFakeModelServer(t, { waiting: 5, kvCacheRatio: 0.1 }),
  ];
  const byQueue = await startTestPicker(t, servers, { config: weighted(10, 1) });
  const byCache = await startTestPicker(t, servers, { config: weighted(1, 10) });
  assert.equal(await destinationOf(byQueue, completion("base")), servers[0]?.address);
  assert.equal(await destinationOf(byCache, completion("base")), servers[1]?.address);
});

/** A filter that keeps the endpoints named in its parameters, and says what it was given. */
function keeping(seen: string[][]): PluginDefinition {
  return definePlugin<{ names: string[] }>({
    type: "keep-filter",
    summary: "Keeps named endpoints.",
    parameters: z.strictObject({ names: z.array(z.string()) }),
    roles: ["filter"],
    create: ({ names }) => ({
      filter: {
        filter: (_cycle, candidates) => {
          seen.push(candidates.map(({ name }) => name));
          return candidates.filter(({ name }) => names.includes(name));
        },
      },
    }),
  });
}

function filtering(...keep: string[][]): string {
  const plugins = keep.map(
    (names, index) =>
      `  - { type: keep-filter, name: keep-${index}, parameters: { names: ${JSON.stringify(names)} } }\n`,
  );
  return `${head}plugins:\n${plugins.join("")}  - { type: queue-scorer }\n`;
}

test("H2 filters run in order, each on what the one before left", async (t) => {
  const servers = [await startFakeModelServer(t), await startFakeModelServer(t), await startFakeModelServer(t)];
  const seen: string[][] = [];
  const picker = await startTestPicker(t, servers, {
    config: filtering(["server-1", "server-2"], ["server-0", "server-2"]),
    registry: createRegistry([...schedulingPlugins, ...componentPlugins, keeping(seen)]),
  });
  assert.equal(await destinationOf(picker, completion("base")), servers[2]?.address);
  assert.deepEqual(seen, [
    ["server-0", "server-1", "server-2"],
    ["server-1", "server-2"],
  ]);
});

test("H2 when filters leave nobody the request is refused with 429", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)], {
    config: filtering(["nobody"]),
    registry: createRegistry([...schedulingPlugins, ...componentPlugins, keeping([])]),
  });
  const [answer] = await requestAnswers(picker, completion("base"));
  assert.equal(answer?.immediate_response?.status?.code, 429);
  assert.equal(
    String(answer?.immediate_response?.body),
    "inference error: ResourceExhausted - no endpoints available for the given request",
  );
  assert.equal(setHeaders(answer ?? {})["x-llm-d-request-dropped-reason"], "rejected-saturated");
});

test("H3 G3 a profile with two pickers, or a scorer used as none, does not start", () => {
  const text = `${head}plugins: [{ type: max-score-picker }, { type: random-picker }, { type: queue-scorer }]
schedulingProfiles:
  - name: default
    plugins: [{ pluginRef: max-score-picker }, { pluginRef: random-picker }, { pluginRef: queue-scorer, weight: heavy }]
`;
  const loaded = loadConfig(text, {
    file: "epp.yaml",
    registry: builtInRegistry,
    allowExperimentalPlugins: false,
    hashKey: 1n,
  });
  assert.ok(loaded.kind === "invalid");
  assert.deepEqual(
    loaded.problems.map(({ path }) => path),
    ["schedulingProfiles[0].plugins[1]", "schedulingProfiles[0].plugins[2].weight"],
  );
});

test("H5 lora affinity prefers running over a free slot over waiting over full", async (t) => {
  const states = { running: ["a,x", ""], free: ["x", ""], waiting: ["x,y", "a"], full: ["x,y", ""] } as const;
  const servers = new Map<string, Awaited<ReturnType<typeof startFakeModelServer>>>();
  for (const [name, [running, waiting]] of Object.entries(states)) {
    const server = await startFakeModelServer(t);
    const series = `vllm:lora_requests_info{max_lora="2",running_lora_adapters="${running}",waiting_lora_adapters="${waiting}"} 1.7e9\n`;
    server.answerWith((_request, response) =>
      sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }) + series),
    );
    servers.set(name, server);
  }
  const config = `${head}plugins: [{ type: lora-affinity-scorer }]\n`;
  const order = [...servers.entries()];
  for (let best = 0; best + 1 < order.length; best++) {
    const [, winner] = order[best] ?? [];
    const left = order.slice(best).map(([, server]) => server);
    const picker = await startTestPicker(t, left.toReversed(), { config });
    assert.equal(await destinationOf(picker, completion("a")), winner?.address, `best of the last ${left.length}`);
  }
});

test("H8 a long prompt sent again goes to the same server; another model or salt does not", async (t) => {
  const servers = [];
  for (let index = 0; index < 6; index++) servers.push(await startFakeModelServer(t));
  const config = `${head}plugins: [{ type: prefix-cache-scorer }]\n`;
  const picker = await startTestPicker(t, servers, { config });
  const prompt = "A long system prompt. ".repeat(100);
  const first = await destinationOf(picker, completion("base", prompt));
  for (let repeat = 0; repeat < 8; repeat++) {
    assert.equal(await destinationOf(picker, completion("base", `${prompt}And question ${repeat}?`)), first);
  }
  // Without a match every server ties, and ties are random: not all of these go to the first one.
  const others = new Set<unknown>();
  for (let repeat = 0; repeat < 24; repeat++) {
    others.add(await destinationOf(picker, completion(`model-${repeat}`, prompt)));
    others.add(await destinationOf(picker, completion("base", prompt, { cache_salt: `salt-${repeat}` })));
  }
  assert.ok(others.size > 1, "other models and salts are spread");
});

test("D11 Prefer: if-available is routed on a cached prefix, refused with 412 otherwise; other tokens change nothing", async (t) => {
  const server = await startFakeModelServer(t);
  const prompt = "A long system prompt. ".repeat(100);
  const preferring = (value: string): HeaderPairs => [...completionHeaders, ["prefer", value]];
  const picker = await startTestPicker(t, [server]);
  const [refused] = await requestAnswers(picker, completion("base", prompt), preferring("if-available"));
  assert.equal(refused?.immediate_response?.status?.code, 412);
  assert.equal(
    String(refused?.immediate_response?.body),
    "inference error: PreconditionFailed - no decode worker has the requested KV cache",
  );
  assert.equal(picker.picker.store.ledger.total, 0);
  assert.equal(await destinationOf(picker, completion("base", prompt), preferring("respond-async")), server.address);
  const wanted = preferring("respond-async, If-Available;wait=3");
  assert.equal(await destinationOf(picker, completion("base", prompt), wanted), server.address);

  const config = `${head}plugins: [{ type: queue-scorer }]\n`;
  const withoutPrefixes = await startTestPicker(t, [server], { config });
  assert.equal(await destinationOf(withoutPrefixes, completion("base", prompt), preferring("if-available")), 412);
});
