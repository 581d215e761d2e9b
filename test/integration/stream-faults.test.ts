import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { type TestContext, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { defaultLimits } from "../../src/extproc/limits.ts";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, destinationOf } from "../support/exchanges.ts";
import { type EnvoyStream, setHeaders } from "../support/ext-proc-client.ts";
import { hostMessage } from "../support/host-bytes.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { until } from "../support/until.ts";

const path = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";

/** A stream of a host that reads no answer and opens no window for one. */
async function aDeafHost(t: TestContext, picker: TestPicker): Promise<ClientHttp2Stream> {
  const session = connect(`http://127.0.0.1:${picker.picker.grpcPort}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  await once(session, "connect");
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.pause();
  return stream;
}

function grpcFrame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test("F61 what a host does not read stays counted, is bounded, and is freed at the deadline", async (t) => {
  const limits = { ...defaultLimits, bufferedBytes: 1_000_000, bodyDeadlineMs: 1500 };
  const picker = await startTestPicker(t, [await startFakeModelServer(t)], { limits });
  const deaf = await aDeafHost(t, picker);
  const held = (): Promise<number | undefined> => picker.sample("epp_buffered_bytes");
  const body = Buffer.from(completion("base", "x".repeat(700_000)));
  deaf.write(grpcFrame(hostMessage("request", completionHeaders)));
  for (let from = 0; from < body.length; from += 60_000) {
    const piece = body.subarray(from, from + 60_000);
    deaf.write(grpcFrame(hostMessage("request", piece, from + 60_000 >= body.length)));
  }
  await until("dispatch of the request", () => picker.picker.store.ledger.total === 1);
  assert.ok(((await held()) ?? 0) > 500_000, `${await held()} bytes are held for a host that does not read`);
  assert.equal(
    await destinationOf(picker, completion("base", "y".repeat(700_000))),
    503,
    "no room for another one like it",
  );
  assert.equal(typeof (await destinationOf(picker, completion("base"))), "string", "others are served");
  await until("release of the request", () => picker.picker.store.ledger.total === 0);
  assert.equal(await held(), 0);
  assert.equal(await picker.sample("epp_streams_open"), 0);
  assert.equal(await picker.sample('epp_illegal_messages_total{reason="unread-answers"}'), 1);
  await until("end of the stream", () => deaf.closed);
  assert.equal(deaf.rstCode, constants.NGHTTP2_CANCEL);
});

test("T50 a stream that breaks the protocol ends with a status, and no other stream of the connection notices", async (t) => {
  const picker = await startTestPicker(t, [await startFakeModelServer(t)]);
  const victim = picker.open().requestHeaders(completionHeaders).requestBody('{"model":"base",', false);
  const breaches: readonly (readonly [what: string, send: (stream: EnvoyStream) => EnvoyStream])[] = [
    ["a body before the headers", (stream) => stream.requestBody("{}")],
    ["second headers", (stream) => stream.requestHeaders(completionHeaders).requestHeaders(completionHeaders)],
    ["a response body before its headers", (stream) => stream.responseBody("x")],
    ["trailers alone", (stream) => stream.requestTrailers()],
    [
      "a body behind the end",
      (stream) => stream.requestHeaders(completionHeaders).requestBody(completion("base")).requestBody("more"),
    ],
  ];
  for (const [what, send] of breaches) {
    const error = (await send(picker.open()).over) as (Error & { code?: number }) | undefined;
    assert.equal(error?.code, status.INVALID_ARGUMENT, what);
  }
  assert.equal(await picker.sample('epp_illegal_messages_total{reason="out-of-order"}'), breaches.length);

  const deaf = await aDeafHost(t, picker);
  deaf.resume();
  deaf.write(grpcFrame(Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff])));
  await once(deaf, "end");
  deaf.close();

  victim.requestBody('"prompt":"hi"}');
  assert.ok("x-gateway-destination-endpoint" in setHeaders(await victim.next()));
  await victim.close();
  await until("end of every stream", () => picker.picker.store.ledger.total === 0);
  assert.equal(await picker.sample("epp_streams_open"), 0);
  assert.equal(await picker.sample("epp_buffered_bytes"), 0);
});
