import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { BodySendMode } from "../../src/envoy/options.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { skipWithoutEnvoy } from "../support/envoy.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** A server that says what body and headers reached it: as JSON, or as an event stream when the body asks for one. */
async function anEcho(t: TestContext, waiting: number): Promise<FakeModelServer> {
  const server = await startFakeModelServer(t);
  server.answerWith((request, response) => {
    if (request.url === "/metrics") return sendPage(response, renderPage({ waiting, running: 0, kvCacheRatio: 0 }));
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const seen = {
        sha256: sha256(body),
        bytes: body.length,
        port: server.port,
        model: modelOf(body),
        headers: request.headers,
      };
      if (body.includes('"stream":true')) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`data: ${JSON.stringify(seen)}\n\n`);
        response.end("data: [DONE]\n\n");
      } else {
        response.setHeader("set-cookie", ["a=1", "b=2"]);
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(seen));
      }
    });
  });
  return server;
}

function modelOf(body: Buffer): string {
  return /"model":"([^"]*)"/.exec(body.toString("latin1"))?.[1] ?? "";
}

interface Seen {
  readonly sha256: string;
  readonly bytes: number;
  readonly port: number;
  readonly model: string;
  readonly headers: Record<string, string>;
}

interface Rig {
  readonly picker: TestPicker;
  readonly idle: FakeModelServer;
  post(body: string, headers?: Record<string, string>): Promise<Response>;
}

async function aRig(t: TestContext, request: BodySendMode, response: BodySendMode): Promise<Rig> {
  const servers = [await anEcho(t, 9), await anEcho(t, 0)];
  const picker = await startTestPicker(t, servers);
  const { grpcPort: port, grpcHealthPort: healthPort } = picker.picker;
  const routing = {
    kind: "picker",
    host: "original-dst",
    pickers: [{ host: "127.0.0.1", port, healthPort, isSecure: false }],
    failOpen: false,
    bodyModes: { request, response },
  } as const;
  const envoy = await anEnvoy(t, routing, []);
  const url = `http://127.0.0.1:${envoy.listener.port}/v1/completions`;
  const post: Rig["post"] = (body, headers = {}) =>
    fetch(url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
  for (let attempt = 0; ; attempt++) {
    const probe = await post('{"model":"base","prompt":"probe"}');
    await probe.arrayBuffer();
    if (probe.ok) break;
    if (attempt > 100) throw new Error(`the gateway answers ${probe.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { picker, idle: servers[1] as FakeModelServer, post };
}

const modes: readonly BodySendMode[] = ["FULL_DUPLEX_STREAMED", "BUFFERED", "STREAMED", "NONE"];
/** Modes in which the picker sees the body before it picks. */
const seesBody = (mode: BodySendMode): boolean => mode === "FULL_DUPLEX_STREAMED" || mode === "BUFFERED";

for (const mode of modes) {
  const response = mode;
  test(`Envoy in body mode ${mode} routes, streams and keeps every byte`, { skip: skipWithoutEnvoy }, async (t) => {
    const rig = await aRig(t, mode, response);
    const prompt = randomBytes(100_000).toString("base64");
    const body = JSON.stringify({ model: "base", prompt });
    const answer = await rig.post(body);
    assert.equal(answer.status, 200);
    const seen = (await answer.json()) as Seen;
    assert.deepEqual({ sha256: seen.sha256, bytes: seen.bytes }, { sha256: sha256(body), bytes: body.length });
    assert.equal(seen.port, rig.idle.port);
    assert.equal(seen.headers["x-gateway-destination-endpoint"], rig.idle.address);
    assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"], "repeated headers survive");
    assert.equal(answer.headers.get("x-went-into-resp-headers"), "true");

    const streamed = await rig.post(JSON.stringify({ model: "base", prompt, stream: true }));
    assert.equal(streamed.status, 200);
    assert.match(await streamed.text(), /^data: \{.*\}\n\ndata: \[DONE\]\n\n$/);

    const degraded = (await rig.picker.sample(`epp_degraded_picks_total{mode="${mode.toLowerCase()}"}`)) ?? 0;
    assert.equal(degraded > 0, !seesBody(mode));
  });

  test(`Envoy in body mode ${mode} refuses ${seesBody(mode) ? "a body without a model" : "when there is no endpoint"}`, {
    skip: skipWithoutEnvoy,
  }, async (t) => {
    const rig = await aRig(t, mode, response);
    if (!seesBody(mode)) rig.picker.picker.store.reset([]);
    const refused = await rig.post('{"prompt":"no model"}');
    assert.equal(refused.status, seesBody(mode) ? 400 : 503);
    const reason = seesBody(mode) ? "rejected-bad-request" : "rejected-no-endpoints";
    assert.equal(refused.headers.get("x-llm-d-request-dropped-reason"), reason);
    assert.match(await refused.text(), /^inference error: /);
  });

  if (!seesBody(mode)) continue;
  test(`Envoy in body mode ${mode} sends the rewritten model and restores its name`, {
    skip: skipWithoutEnvoy,
  }, async (t) => {
    const rig = await aRig(t, mode, response);
    const answer = await rig.post('{"model":"base","prompt":"hi"}', {
      "x-llm-d-model-name-rewrite": "target-with-a-long-name",
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const seen = JSON.parse(text) as Seen;
    assert.equal(seen.bytes, '{"model":"target-with-a-long-name","prompt":"hi"}'.length);
    assert.equal(seen.model, "base", "the server saw the target; the client sees its own name again");
    assert.equal(seen.headers["x-llm-d-model-name-rewrite"], undefined);
  });
}

test("Envoy passes many client headers through", { skip: skipWithoutEnvoy }, async (t) => {
  const rig = await aRig(t, "FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED");
  for (const count of [40, 80]) {
    const headers = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`x-client-${index}`, `value-${index}`]),
    );
    const answer = await rig.post('{"model":"base","prompt":"hi"}', headers);
    assert.equal(answer.status, 200);
    const seen = (await answer.json()) as Seen;
    for (let index = 0; index < count; index++) assert.equal(seen.headers[`x-client-${index}`], `value-${index}`);
  }
});

test("a server that cannot be reached is answered by Envoy, and the picker's books are clean", {
  skip: skipWithoutEnvoy,
}, async (t) => {
  const rig = await aRig(t, "FULL_DUPLEX_STREAMED", "FULL_DUPLEX_STREAMED");
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const [first] = rig.picker.picker.store.snapshot();
  if (first === undefined) throw new Error("no endpoint");
  rig.picker.picker.store.reset([
    { ...first, id: "default/gone", incarnation: "gone", name: "gone", port, address: `127.0.0.1:${port}` },
  ]);
  const answer = await rig.post('{"model":"base","prompt":"hi"}');
  await answer.arrayBuffer();
  assert.equal(answer.status, 503);
  for (let attempt = 0; rig.picker.picker.store.ledger.total > 0 && attempt < 100; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(rig.picker.picker.store.ledger.total, 0);
});
