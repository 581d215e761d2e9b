import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { test } from "node:test";
import { aGateway, type Gateway } from "../support/a-gateway.ts";
import { anEcho, exchangeRaw, type Seen, valuesOf } from "../support/an-echo.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
const json = { "content-type": "application/json" };

function post(gateway: Gateway, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}/v1/completions`, { method: "POST", body, headers: { ...json, ...headers } });
}

test("F46 a client that goes away in the middle of its body leaves nothing behind, and no blame on an endpoint", {
  skip,
}, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  for (const sentBytes of [0, 1, 300_000]) {
    const socket = connect(gateway.port, "127.0.0.1");
    socket.on("error", () => {});
    const body = completion("base", "x".repeat(1_000_000));
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, sentBytes)}`,
    );
    await streamsOpen(gateway, 1);
    socket.destroy();
    await gateway.quiet();
  }
  assert.deepEqual(seen, []);
  const page = await gateway.picker.metrics();
  assert.doesNotMatch(page, /ModelServerError/);
  assert.equal(gateway.picker.picker.store.snapshot()[0]?.lastResort, false);
});

async function streamsOpen(gateway: Gateway, count: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await gateway.picker.sample("epp_streams_open")) === count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not ${count} streams open`);
}

test("F47 a prompt of 10 MB arrives as it was sent, and its 5 neighbours too", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const bodies = Array.from({ length: 6 }, (_, index) =>
    completion("base", `${index} "\u4f60\n`.repeat(index === 0 ? 1_200_000 : 1000)),
  );
  assert.ok(Buffer.byteLength(bodies[0] ?? "") >= 10_000_000);
  const answers = await Promise.all(bodies.map((body) => post(gateway, body)));
  for (const answer of answers) {
    await answer.arrayBuffer();
    assert.equal(answer.status, 200);
  }
  assert.deepEqual(seen.map(({ body }) => sha256(body)).toSorted(), bodies.map(sha256).toSorted());
  await gateway.quiet();
});

test("F48 a body sent byte by byte arrives as it was sent", { skip }, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const body = completion("base", "x".repeat(8192));
  const chunks = Array.from(body, (byte) => `1\r\n${byte}\r\n`).join("");
  const answer = await exchangeRaw(
    gateway.port,
    `POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1.1 200/);
  assert.equal(seen[0]?.body.toString(), body);
  await gateway.quiet();
});

test("F57 repeated headers, bytes that are no UTF-8 and mixed case reach the server as they are", {
  skip,
}, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const body = completion("base");
  const headers = "X-Bytes: a\xff\xfe\x80b\r\nX-List: one\r\nX-LIST: two, three\r\nx-list: four\r\nx-empty:\r\n";
  const answer = await exchangeRaw(
    gateway.port,
    `POST /v1/completions HTTP/1.1\r\nhost: a\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`,
  );
  assert.match(answer, /^HTTP\/1.1 200/);
  assert.deepEqual(valuesOf(seen[0] as Seen, "x-bytes"), ["a\xff\xfe\x80b"]);
  assert.deepEqual(valuesOf(seen[0] as Seen, "x-list"), ["one", "two, three", "four"]);
  assert.deepEqual(valuesOf(seen[0] as Seen, "x-empty"), [""]);
});

const crowded: readonly (readonly [what: string, lines: number, valueBytes: number])[] = [
  ["99 headers", 99, 8],
  ["100 headers", 100, 8],
  ["a header block of 59 KB", 20, 2900],
];
for (const [what, count, valueBytes] of crowded) {
  test(`F57b ${what} of a client reach the server, with the picker's`, { skip }, async (t) => {
    const { seen, listener } = anEcho();
    const gateway = await aGateway(t, listener);
    const body = completion("base");
    // Host and content-length are two of them.
    const names = Array.from({ length: count - 2 }, (_, at) => `x-client-${at}`);
    const value = "v".repeat(valueBytes);
    const lines = names.map((name) => `${name}: ${value}\r\n`).join("");
    const answer = await exchangeRaw(
      gateway.port,
      `POST /v1/completions HTTP/1.1\r\nhost: a\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`,
    );
    assert.match(answer, /^HTTP\/1.1 200/);
    for (const name of names) assert.deepEqual(valuesOf(seen[0] as Seen, name), [value]);
    assert.deepEqual(valuesOf(seen[0] as Seen, "x-gateway-destination-endpoint"), [gateway.server.address]);
    await gateway.quiet();
  });
}
