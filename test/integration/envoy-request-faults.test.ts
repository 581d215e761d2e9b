import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { aGateway, type Gateway } from "../support/a-gateway.ts";
import { anEcho, exchangeRaw, type Seen, valuesOf } from "../support/an-echo.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";

/** Requests without a body that anybody reads. */
const bodiless: readonly (readonly [what: string, head: string])[] = [
  ["GET", "GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["HEAD", "HEAD /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["DELETE", "DELETE /v1/responses/7 HTTP/1.1\r\nhost: a\r\n\r\n"],
  ["an empty POST", "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
];
test("F59 requests without a body go to an endpoint, and are refused with 503 where there is none", {
  skip,
}, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  for (const [what, head] of bodiless) {
    assert.match(await exchangeRaw(gateway.port, head), /^HTTP\/1.1 200/, what);
    const last = seen.at(-1) as Seen;
    assert.equal(last.method, head.split(" ")[0], what);
    assert.deepEqual(valuesOf(last, "x-gateway-destination-endpoint"), [gateway.server.address], what);
  }
  gateway.picker.picker.store.reset([]);
  for (const [what, head] of bodiless) {
    const answer = await exchangeRaw(gateway.port, head);
    assert.match(answer, /^HTTP\/1.1 503/, what);
    assert.match(answer, /\r\nx-llm-d-request-dropped-reason: rejected-no-endpoints\r\n/, what);
  }
  assert.equal(seen.length, bodiless.length);
  await gateway.quiet();
});

test("F59 an upgrade to WebSocket reaches no server that the picker did not name", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const upgrade =
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  const answer = await exchangeRaw(gateway.port, `GET /v1/realtime HTTP/1.1\r\nhost: a\r\n${upgrade}\r\n`);
  assert.match(answer, /^HTTP\/1.1 403/, "the bootstrap allows no upgrade");
  assert.deepEqual(seen, []);
  await gateway.quiet();
});

/** Status of one HTTP/2 request through the gateway. `withTrailers`: trailers end it. */
async function askHttp2(
  gateway: Gateway,
  headers: Record<string, string>,
  body: string,
  withTrailers = false,
): Promise<number> {
  const session = connectHttp2(gateway.url);
  try {
    const stream = session.request({ ":method": "POST", ...headers }, { waitForTrailers: withTrailers });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-checksum": "1" }));
    stream.end(body);
    const [answer] = (await once(stream, "response")) as [Record<string, unknown>];
    stream.resume();
    await once(stream, "end");
    return Number(answer[":status"]);
  } finally {
    session.destroy();
  }
}

test("F59 a call of gRPC is picked for like any other", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const headers = { ":path": "/some.Service/Method", "content-type": "application/grpc", te: "trailers" };
  assert.equal(await askHttp2(gateway, headers, "\0\0\0\0\x02hi"), 200);
  assert.equal(seen[0]?.body.toString("latin1"), "\0\0\0\0\x02hi");
  gateway.picker.picker.store.reset([]);
  // Envoy turns a refusal of a gRPC call into a gRPC status, in a response of status 200.
  await askHttp2(gateway, headers, "\0\0\0\0\x02hi");
  assert.equal(seen.length, 1);
  await gateway.quiet();
});

test("F60 a request that its trailers end is decided once and arrives whole", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const body = completion("base", "x".repeat(100_000));
  const headers = { ":path": "/v1/completions", "content-type": "application/json" };
  assert.equal(await askHttp2(gateway, headers, body, true), 200);
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.body.toString(), body);
  await gateway.quiet();
  const labels = 'model_name="base",target_model_name="base",fairness_id="default-flow",priority="0"';
  assert.equal(await gateway.picker.sample(`llm_d_epp_request_total{${labels}}`), 1);
});

const rewritten = "x-llm-d-model-name-rewrite: a-much-longer-name-of-a-model\r\n";
const short = completion("base");
const renamed = completion("a-much-longer-name-of-a-model");
const post = (headers: string, body: string): string =>
  `POST /v1/completions HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}`;

test("T14 a rewritten body has the right length, and a request behind it on the connection is one of its own", {
  skip,
}, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const length = `content-length: ${short.length}\r\n`;
  const chunked = "transfer-encoding: chunked\r\n";
  const chunks = `5\r\n${short.slice(0, 5)}\r\n${(short.length - 5).toString(16)}\r\n${short.slice(5)}\r\n0\r\n\r\n`;
  const pipeline = post(length + rewritten, short) + post(chunked + rewritten, chunks) + post(length, short);
  const answers = await exchangeRaw(gateway.port, pipeline, (answer) => answer.split("HTTP/1.1 200").length === 4);
  assert.equal(answers.split("HTTP/1.1 200").length, 4, answers);
  assert.deepEqual(
    seen.map(({ body }) => body.toString()),
    [renamed, renamed, short],
  );
  await gateway.quiet();
});

/** Envoy cuts the connection, with or without an answer. */
const cut = /^(HTTP\/1.1 (400|501) [^]*)?$/;
/** Requests whose length two servers may read differently, with what becomes of them. */
const tricks: readonly (readonly [what: string, request: string, status: RegExp])[] = [
  [
    "length and chunks",
    post(
      `content-length: 4\r\ntransfer-encoding: chunked\r\n`,
      `${short.length.toString(16)}\r\n${short}\r\n0\r\n\r\n`,
    ),
    cut,
  ],
  ["two lengths", post(`content-length: 4\r\ncontent-length: ${short.length}\r\n`, short), cut],
  ["a length with a sign", post(`content-length: +${short.length}\r\n`, short), cut],
  ["an unknown transfer coding", post("transfer-encoding: xchunked\r\n", short), cut],
  ["chunked twice", post("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n"), cut],
  ["a chunk of no size", post("transfer-encoding: chunked\r\n", `zz\r\n${short}\r\n0\r\n\r\n`), cut],
  ["a length that ends within the JSON", post("content-length: 9\r\n", short), /^HTTP\/1.1 400/],
  ["a compressed body", post(`content-encoding: gzip\r\ncontent-length: ${short.length}\r\n`, short), /^HTTP\/1.1 415/],
];
test("T14 tricks with lengths and encodings are refused, and no server sees any of them", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const refuse = async ([what, request, status]: (typeof tricks)[number]): Promise<void> => {
    const answer = await exchangeRaw(gateway.port, request);
    assert.match(answer, status, what);
  };
  const withRewrite = tricks.map(([what, request, status]): (typeof tricks)[number] => [
    `${what}, with a rewrite`,
    request.replace("host: a\r\n", `host: a\r\n${rewritten}`),
    status,
  ]);
  await Promise.all([...tricks, ...withRewrite].map(refuse));
  assert.deepEqual(seen, []);
  await gateway.quiet();
});
