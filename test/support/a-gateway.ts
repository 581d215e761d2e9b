import type { RequestListener } from "node:http";
import type { TestContext } from "node:test";
import type { EnvoyRun } from "../../simulator/demo/envoy-process.ts";
import { type ListedServer, startTestPicker, type TestPicker, type TestPickerOptions } from "./a-picker.ts";
import { anEnvoy } from "./an-envoy.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "./fake-model-server.ts";
import { until } from "./until.ts";

/** A picker and a real Envoy before model servers, with full-duplex bodies. */
export interface PoolGateway {
  /** Port that clients connect to, on 127.0.0.1. */
  readonly port: number;
  readonly url: string;
  readonly picker: TestPicker;
  /** Resolves when no request is in flight, no stream is open and no byte is held. */
  quiet(): Promise<void>;
}

/** A gateway before one fake model server. */
export interface Gateway extends PoolGateway {
  readonly server: FakeModelServer;
}

/** What a test changes about a gateway. */
export interface GatewayOptions extends TestPickerOptions {
  /** Makes Envoy's bootstrap of the one that the picker comes with. */
  readonly adapt?: EnvoyRun["adapt"];
}

/** Starts a gateway whose model server answers with `listener`; stopped with the test. */
export async function aGateway(
  t: TestContext,
  listener: RequestListener,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const server = await startFakeModelServer(t);
  server.answerWith((request, response) => {
    if (request.url === "/metrics") sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }));
    else listener(request, response);
  });
  return { ...(await aGatewayTo(t, [server], options)), server };
}

/** Starts a gateway before servers that are there; stopped with the test. */
export async function aGatewayTo(
  t: TestContext,
  servers: readonly ListedServer[],
  { adapt, ...options }: GatewayOptions = {},
): Promise<PoolGateway> {
  const picker = await startTestPicker(t, servers, options);
  const { grpcPort, grpcHealthPort: healthPort } = picker.picker;
  const isSecure = options.secureServing === true;
  const pickers = [{ host: "127.0.0.1", port: grpcPort, healthPort, isSecure }];
  const routing = { kind: "picker", host: "original-dst", pickers, failOpen: false } as const;
  const { listener: address } = await anEnvoy(t, routing, [], adapt);
  const url = `http://127.0.0.1:${address.port}`;
  await untilPicked(url);
  const quiet = async (): Promise<void> => {
    await until("end of all requests", () => picker.picker.store.ledger.total === 0);
    for (let attempt = 0; attempt < 200; attempt++) {
      const left = [await picker.sample("epp_streams_open"), await picker.sample("epp_buffered_bytes")];
      if (left.every((value) => (value ?? 0) === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error("streams stay open or bytes stay held");
  };
  await quiet();
  return { port: address.port, url, picker, quiet };
}

/** Envoy answers 500 or 503 until its first health check of the picker has passed; a path without a parser does not reach the server. */
async function untilPicked(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: "{}" });
    await answer.arrayBuffer();
    if (answer.status === 400) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Envoy does not ask the picker");
}
