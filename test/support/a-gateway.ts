import type { RequestListener } from "node:http";
import type { TestContext } from "node:test";
import { startTestPicker, type TestPicker, type TestPickerOptions, until } from "./a-picker.ts";
import { anEnvoy } from "./an-envoy.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "./fake-model-server.ts";

/** One fake model server, a picker and a real Envoy before them, with full-duplex bodies. */
export interface Gateway {
  /** Port that clients connect to, on 127.0.0.1. */
  readonly port: number;
  readonly url: string;
  readonly server: FakeModelServer;
  readonly picker: TestPicker;
  /** Resolves when no request is in flight, no stream is open and no byte is held. */
  quiet(): Promise<void>;
}

/** Starts a gateway whose model server answers with `listener`; stopped with the test. */
export async function aGateway(
  t: TestContext,
  listener: RequestListener,
  options: TestPickerOptions = {},
): Promise<Gateway> {
  const server = await startFakeModelServer(t);
  server.answerWith((request, response) => {
    if (request.url === "/metrics") sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }));
    else listener(request, response);
  });
  const picker = await startTestPicker(t, [server], options);
  const { grpcPort, grpcHealthPort: healthPort } = picker.picker;
  const pickers = [{ host: "127.0.0.1", port: grpcPort, healthPort, isSecure: false }];
  const { listener: address } = await anEnvoy(
    t,
    { kind: "picker", host: "original-dst", pickers, failOpen: false },
    [],
  );
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
  return { port: address.port, url, server, picker, quiet };
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
