import assert from "node:assert/strict";
import { request } from "node:https";
import { type TestContext, test } from "node:test";
import { createSelfSigned } from "../../src/extproc/self-signed.ts";
import { startMetricsServer } from "../../src/telemetry/metrics-server.ts";
import { createRegistry } from "../../src/telemetry/registry.ts";

type Pair = Awaited<ReturnType<typeof createSelfSigned>>;

async function aServer(t: TestContext): Promise<{ port: number; client: Pair }> {
  const [server, client] = [await createSelfSigned(Date.now()), await createSelfSigned(Date.now())];
  const tls = { ...server, clientCa: client.cert };
  const metrics = await startMetricsServer(createRegistry(), { host: "127.0.0.1", port: 0, tls });
  t.after(() => metrics.close());
  return { port: metrics.port, client };
}

/** Status of GET /metrics with a client certificate, or without one. */
function get(port: number, pair: Partial<Pair>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: "127.0.0.1", port, path: "/metrics", rejectUnauthorized: false, ...pair },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    asking.on("error", reject);
    asking.end();
  });
}

test("G9 mutual TLS lets a client in whose certificate the CA signed", async (t) => {
  const { port, client } = await aServer(t);
  assert.equal(await get(port, client), 200);
});

test("G9 mutual TLS keeps others out: no certificate, a stranger's, plain HTTP", async (t) => {
  const { port } = await aServer(t);
  await assert.rejects(get(port, {}));
  await assert.rejects(get(port, await createSelfSigned(Date.now())));
  await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
});
