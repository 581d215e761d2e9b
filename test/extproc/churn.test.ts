import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { startTestPicker } from "../support/a-picker.ts";
import { completion, completionHeaders, destinationOf } from "../support/exchanges.ts";
import { hostMessage } from "../support/host-bytes.ts";
import { startFakeModelServer } from "../support/fake-model-server.ts";
import { callHeaders, endOfHeaders, endOfStream, frame, frameType, preface } from "../support/http2-frames.ts";
import { grpcFrame } from "../support/vllm-grpc.ts";
import { until } from "../support/until.ts";

const call = callHeaders("/envoy.service.ext_proc.v3.ExternalProcessor/Process");
const [cancel, noError] = [Buffer.of(0, 0, 0, 8), Buffer.of(0, 0, 0, 0)];
const said = grpcFrame(hostMessage("request", completionHeaders));
const begun = Buffer.concat([said, grpcFrame(hostMessage("request", Buffer.from('{"model":"ba'), false))]);
const whole = Buffer.concat([said, grpcFrame(hostMessage("request", Buffer.from(completion("base")), true))]);

/** Ways of a stream that is given up: what is sent on it, and the reset that ends it in the same breath, if any. */
const ways: readonly (readonly [sent: Buffer | undefined, flags: number, reset: Buffer | undefined])[] = [
  [undefined, 0, cancel],
  [undefined, 0, noError],
  [said, 0, cancel],
  [begun, 0, cancel],
  [begun, endOfStream, undefined],
  [whole, 0, cancel],
  [whole, 0, noError],
  [whole, endOfStream, cancel],
  [whole, endOfStream, noError],
  [whole.subarray(0, -1), 0, cancel],
];

/** The frames of stream `id`. */
function abandoned(id: number, at: number): Buffer[] {
  const [sent, flags, reset] = ways[at % ways.length] ?? [undefined, 0, cancel];
  return [
    frame(frameType.headers, endOfHeaders, id, call),
    ...(sent === undefined ? [] : [frame(frameType.data, flags, id, sent)]),
    ...(reset === undefined ? [] : [frame(frameType.reset, 0, id, reset)]),
  ];
}

const connections = 40;
const streamsEach = 500;

test("T13 20,000 streams that are opened and given up leave nothing behind, and others are served meanwhile", async (t) => {
  const server = await startFakeModelServer(t);
  const picker = await startTestPicker(t, [server]);
  const streamsOpen = (): Promise<number | undefined> => picker.sample("epp_streams_open");
  for (let connection = 0; connection < connections; connection++) {
    const socket = connect(picker.picker.grpcPort, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    socket.resume();
    const streams = Array.from({ length: streamsEach }, (_, at) => abandoned(at * 2 + 1, at));
    await once(socket, "connect");
    socket.write(Buffer.concat([Buffer.from(preface), frame(frameType.settings, 0, 0), ...streams.flat()]));
    assert.equal(await destinationOf(picker, completion("base")), server.address);
    // Every other connection ends with what is open on it, the rest stay.
    if (connection % 2 === 0) socket.destroy();
  }
  for (let attempt = 0; (await streamsOpen()) !== 0 && attempt < 200; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await streamsOpen(), 0);
  await until("end of all requests", () => picker.picker.store.ledger.total === 0);
  assert.equal(await picker.sample("epp_buffered_bytes"), 0);
  const page = await picker.metrics();
  const running = page.split("\n").filter((line) => line.startsWith("llm_d_epp_request_running{"));
  assert.ok(running.length > 0 && running.every((line) => line.endsWith(" 0")), running.join("\n"));
  assert.equal(await destinationOf(picker, completion("base")), server.address);
});
