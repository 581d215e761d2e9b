import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { startEmulatedServers } from "../../../simulator/emulated-server/pool.ts";
import { runLoad } from "../../../simulator/load/client.ts";
import { generateLoad } from "../../../simulator/load/generate.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createRandom } from "../../../src/lib/random.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const few = generateLoad({ name: "uniform", seed: 1, seconds: 0.1, ratePerSecond: 50, model: "base" });

function target(port: number, signal = new AbortController().signal): Parameters<typeof runLoad>[1] {
  return { host: "127.0.0.1", port, clock: systemClock, signal };
}

test("runLoad measures requests against an emulated server", async (t) => {
  const config = { ...presetConfig("llama-3-8b-h100"), requestOverheadMs: 0 };
  const models = { base: "base", adapters: Array.from({ length: 8 }, (_, i) => `adapter-${i + 1}`) };
  const pool = await startEmulatedServers({
    count: 1,
    replica: config,
    models,
    clock: systemClock,
    random: createRandom(1),
  });
  t.after(() => pool.close());
  const load = generateLoad({ name: "mixed", seed: 1, seconds: 0.2, ratePerSecond: 100, model: "base" });
  const outcomes = await runLoad(load, target(pool.endpoints[0]?.port ?? 0));
  assert.deepEqual(
    outcomes.map(({ error, endpoint, outputTokens }) => ({ error, endpoint, outputTokens })),
    load.map(({ outputTokens }) => ({ error: undefined, endpoint: "server-0", outputTokens })),
  );
  for (const { ttftMs, e2eMs, promptTokens, cachedTokens, request } of outcomes) {
    assert.ok(ttftMs > 0 && e2eMs >= ttftMs);
    assert.ok(promptTokens > 0 && cachedTokens < promptTokens);
    assert.ok(request.outputTokens === 1 || e2eMs > ttftMs);
  }
});

const failures: readonly { name: string; listener: RequestListener; want: RegExp }[] = [
  {
    name: "a refusal",
    listener: (_request, response) => response.writeHead(503).end("no"),
    want: /^status 503 with "no", expected 200$/,
  },
  {
    name: "a stream without its end",
    listener: (_request, response) => response.end('data: {"text":"a"}\n\n'),
    want: /^the stream ended early$/,
  },
  {
    name: "a connection that is cut",
    listener: (request) => request.socket.destroy(),
    want: /socket hang up|ECONNRESET/,
  },
];
for (const { name, listener, want } of failures) {
  test(`runLoad counts ${name} as an error`, async (t) => {
    const outcomes = await runLoad(few, target(await serve(t, listener)));
    assert.equal(outcomes.length, few.length);
    for (const { error, e2eMs } of outcomes) {
      assert.match(error ?? "", want);
      assert.ok(Number.isNaN(e2eMs));
    }
  });
}

test("runLoad stops when its signal aborts", async (t) => {
  const controller = new AbortController();
  const port = await serve(t, () => controller.abort(new Error("enough")));
  await assert.rejects(runLoad(few, target(port, controller.signal)), /enough/);
});
