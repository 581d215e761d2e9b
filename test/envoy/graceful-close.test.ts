import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import test from "node:test";
import type { SocketAddress } from "../../src/envoy/options.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";

function statusOf({ host, port }: SocketAddress, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = get({ host, port, agent, path: "/v1/models" }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    sending.on("error", reject);
  });
}

test("Envoy ends ext_proc streams so that no connection is taken for an attack", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const server = await startFakeModelServer(t);
  const { picker } = await startTestPicker(t, [server], { secureServing: true });
  const address = { host: "127.0.0.1", port: picker.grpcPort, healthPort: picker.grpcHealthPort, isSecure: true };
  const { listener } = await anEnvoy(
    t,
    { kind: "picker", host: "original-dst", pickers: [address], failOpen: false },
    [],
  );
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  let left = 2000; // well above the 1,000 resets, and 33 a second, that Node takes on one connection
  const statuses = new Map<number, number>();
  const ask = async (): Promise<void> => {
    while (left-- > 0) {
      const status = await statusOf(listener, agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, ask));
  assert.deepEqual([...statuses], [[200, 2000]]);
});
