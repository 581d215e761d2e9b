import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { aGatewayTo, type PoolGateway } from "../support/a-gateway.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { overHttp2 } from "../support/changed-bootstrap.ts";
import { vllmRequest, vllmResponse } from "../support/vllm-grpc.ts";

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) => void;

/** A gateway before one model server that speaks HTTP/2 alone; its metrics are on a port of their own. */
async function anHttp2Gateway(t: TestContext, answer: Answer): Promise<PoolGateway> {
  const metrics = await startFakeModelServer(t);
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, headers, Buffer.concat(chunks)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: metrics-data-source, parameters: { port: ${metrics.port} } }
  - { type: queue-scorer }
  - { type: openai-parser }
  - { type: vllmgrpc-parser }
requestHandler: { parsers: [{ pluginRef: openai-parser }, { pluginRef: vllmgrpc-parser }] }
`;
  return aGatewayTo(t, [{ host: "127.0.0.1", port }], { config, adapt: overHttp2 });
}

/** What a client got. */
interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

/** Asks over HTTP/2, which passes trailers on. */
async function ask(
  gateway: PoolGateway,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const session = connect(gateway.url);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/v1/completions",
      "content-type": "application/json",
      ...headers,
    });
    stream.on("error", () => {});
    stream.end(body);
    return await answerOf(stream);
  } finally {
    session.destroy();
  }
}

async function answerOf(stream: ClientHttp2Stream): Promise<Got> {
  let [headers, trailers]: (IncomingHttpHeaders | undefined)[] = [];
  const chunks: Buffer[] = [];
  stream.on("response", (got) => {
    headers = got;
  });
  stream.on("trailers", (got) => {
    trailers = got;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  assert.ok(headers);
  return { status: Number(headers[":status"]), headers, body: Buffer.concat(chunks), trailers };
}

/** Sends pieces, each in a frame of its own, and then trailers. */
function respond(
  stream: ServerHttp2Stream,
  type: string,
  pieces: readonly (string | Buffer)[],
  trailers: Record<string, string>,
): void {
  stream.respond({ ":status": 200, "content-type": type }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  const send = (at: number): void => {
    if (at === pieces.length) return void stream.end();
    stream.write(pieces[at], () => setTimeout(() => send(at + 1), 10));
  };
  send(0);
}

const trailers = { "x-checksum": "abc", "x-usage": "7, 10" };

test("F58 the trailers of an event stream arrive behind all of its bytes", { skip }, async (t) => {
  const pieces = ["data: {}\n\n", 'data: {"usage":{"prompt_tokens":7,"completion_tokens":10}}\n\n', "data: [DONE]\n\n"];
  const gateway = await anHttp2Gateway(t, (stream) => respond(stream, "text/event-stream", pieces, trailers));
  const got = await ask(gateway, completion("base", "hi", { stream: true }));
  assert.equal(got.status, 200);
  assert.equal(got.body.toString(), pieces.join(""));
  assert.equal(got.trailers?.["x-checksum"], "abc");
  assert.equal(got.trailers?.["x-usage"], "7, 10");
  await gateway.quiet();
  const labels = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"';
  assert.equal(await gateway.picker.sample(`llm_d_epp_request_output_tokens_sum{${labels}}`), 10);
  assert.equal(await gateway.picker.sample(`llm_d_epp_request_duration_seconds_count{${labels}}`), 1);
});

test("F58 a JSON answer that trailers end is held until then and comes whole, with them", { skip }, async (t) => {
  const text = `{"text":"${"x".repeat(200_000)}"}`;
  const pieces = [text.slice(0, 7), text.slice(7, 100_000), text.slice(100_000)];
  const gateway = await anHttp2Gateway(t, (stream) => respond(stream, "application/json", pieces, trailers));
  const got = await ask(gateway, completion("base"));
  assert.equal(createHash("sha256").update(got.body).digest("hex"), createHash("sha256").update(text).digest("hex"));
  assert.equal(got.trailers?.["x-checksum"], "abc");
  await gateway.quiet();
});

for (const type of ["text/event-stream", "application/json"]) {
  test(`F58 a name that the trailers cut off is given out as it came, one before it is restored: ${type}`, {
    skip,
  }, async (t) => {
    const pieces = ['data: {"model":"tar', 'get"}\n\ndata: {"model":"tar'];
    const gateway = await anHttp2Gateway(t, (stream) => respond(stream, type, pieces, trailers));
    const got = await ask(gateway, completion("base"), { "x-llm-d-model-name-rewrite": "target" });
    assert.equal(got.body.toString(), 'data: {"model":"base"}\n\ndata: {"model":"tar');
    assert.equal(got.trailers?.["x-checksum"], "abc");
    await gateway.quiet();
  });
}

test("F58 an answer without a body, whose headers or trailers end it, ends", { skip }, async (t) => {
  const gateway = await anHttp2Gateway(t, (stream, headers) => {
    if (headers["x-want"] === "headers") stream.respond({ ":status": 204 }, { endStream: true });
    else respond(stream, "application/json", [], trailers);
  });
  const [bare, trailed] = [
    await ask(gateway, completion("base"), { "x-want": "headers" }),
    await ask(gateway, completion("base"), { "x-want": "trailers" }),
  ];
  assert.deepEqual([bare.status, bare.body.length], [204, 0]);
  assert.deepEqual([trailed.status, trailed.body.length, trailed.trailers?.["x-checksum"]], [200, 0, "abc"]);
  await gateway.quiet();
});

test("F58 A20 a gRPC call gets its frames and the status in the trailers, and its usage is counted", {
  skip,
}, async (t) => {
  const call = vllmRequest("Generate", { text: "hello", sampling_params: { max_tokens: 5 }, stream: true });
  const complete = { finish_reason: "stop", prompt_tokens: 300, completion_tokens: 10, cached_tokens: 256 };
  const frames = vllmResponse("Generate", [{ chunk: { token_ids: [1], prompt_tokens: 300 } }, { complete }]);
  const seen: Buffer[] = [];
  const gateway = await anHttp2Gateway(t, (stream, _headers, body) => {
    seen.push(body);
    const pieces = [frames.subarray(0, 7), frames.subarray(7, 20), frames.subarray(20)];
    respond(stream, "application/grpc", pieces, { "grpc-status": "0", "grpc-message": "fine" });
  });
  const headers = {
    ":path": "/vllm.grpc.engine.VllmEngine/Generate",
    "content-type": "application/grpc",
    te: "trailers",
  };
  const got = await ask(gateway, call, headers);
  assert.deepEqual(seen, [call]);
  assert.deepEqual(got.body, frames);
  assert.deepEqual([got.trailers?.["grpc-status"], got.trailers?.["grpc-message"]], ["0", "fine"]);
  await gateway.quiet();
  const page = await gateway.picker.metrics();
  assert.match(page, /^llm_d_epp_request_input_tokens_sum\{.*\} 300$/m);
});

test("F58 a gRPC call that ends with its first headers gets its status", { skip }, async (t) => {
  const gateway = await anHttp2Gateway(t, (stream) =>
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "8" }, { endStream: true }),
  );
  const call = vllmRequest("Generate", { text: "hello" });
  const headers = {
    ":path": "/vllm.grpc.engine.VllmEngine/Generate",
    "content-type": "application/grpc",
    te: "trailers",
  };
  const got = await ask(gateway, call, headers);
  assert.deepEqual([got.status, got.headers["grpc-status"], got.body.length], [200, "8", 0]);
  await gateway.quiet();
});

const cuts: readonly (readonly [what: string, cut: (stream: ServerHttp2Stream) => void])[] = [
  ["resets its stream", (stream) => stream.destroy(new Error("reset"))],
  ["ends its connection", (stream) => stream.session?.destroy()],
];
for (const [what, cut] of cuts) {
  test(`F58 a server that ${what} in the middle: the client sees the cut, the books are clean`, { skip }, async (t) => {
    const gateway = await anHttp2Gateway(t, (stream) => {
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
      stream.write("data: 1\n\n", () => setTimeout(() => cut(stream), 50));
    });
    // Over HTTP/1: Envoy tells an HTTP/2 client of the cut by a reset without an error, which Node shows as an end.
    const answer = await fetch(`${gateway.url}/v1/completions`, { method: "POST", body: completion("base") });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "data: 1\n\n");
    await assert.rejects(reader.read());
    await gateway.quiet();
  });
}

test("F58 interim answers of an HTTP/2 server change nothing", { skip }, async (t) => {
  const gateway = await anHttp2Gateway(t, (stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</style.css>; rel=preload" });
    respond(stream, "application/json", ['{"text":"done"}'], trailers);
  });
  const got = await ask(gateway, completion("base"));
  assert.deepEqual([got.status, got.body.toString()], [200, '{"text":"done"}']);
  await gateway.quiet();
});
