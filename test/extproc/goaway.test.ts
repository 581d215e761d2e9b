import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startTestPicker, type TestPickerOptions } from "../support/a-picker.ts";
import { acknowledged, callHeaders, endOfHeaders, endOfStream, frame, preface } from "../support/http2-frames.ts";

const frameTypes = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY"];

/** A frame of HTTP/2; `last` is the stream id that a GOAWAY names. */
interface Frame {
  readonly type: string;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const checkHeaders = callHeaders("/grpc.health.v1.Health/Check");

/** A host that speaks HTTP/2 frame by frame, so that a test decides what is on its way when. */
class FrameHost {
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  #rest = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => this.#wake());
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.write(preface);
    socket.write(frame(4, 0, 0));
  }

  /** Sends a health check as a stream of its own. */
  check(stream: number): void {
    this.#socket.write(frame(1, endOfHeaders, stream, checkHeaders));
    this.#socket.write(frame(0, endOfStream, stream, Buffer.alloc(5)));
  }

  acknowledgePing(payload: Buffer): void {
    this.#socket.write(frame(6, acknowledged, 0, payload));
  }

  /** The next frame that `isWanted`; undefined when the connection ends first. */
  async next(isWanted: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const index = this.#frames.findIndex(isWanted);
      if (index >= 0) return this.#frames.splice(0, index + 1).at(-1);
      if (this.#socket.destroyed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The id that the next GOAWAY names as the last that is served; undefined when none comes. */
  async goAway(): Promise<number | undefined> {
    return (await this.next(({ type }) => type === "GOAWAY"))?.payload.readUInt32BE(0);
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      const [type = 0, flags = 0] = this.#rest.subarray(3, 5);
      const stream = this.#rest.readUInt32BE(5) & 0x7fffffff;
      const payload = Buffer.from(this.#rest.subarray(9, end));
      this.#frames.push({ type: frameTypes[type] ?? String(type), flags, stream, payload });
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }
}

const isEndOf =
  (stream: number) =>
  (candidate: Frame): boolean =>
    candidate.stream === stream && (candidate.flags & endOfStream) !== 0;

async function aHost(
  t: TestContext,
  options: TestPickerOptions,
): Promise<{ host: FrameHost; close: () => Promise<void> }> {
  const { picker } = await startTestPicker(t, [], { drainMs: 0, hardStopMs: 30_000, ...options });
  const port = picker.grpcPort;
  const socket =
    options.secureServing === true
      ? connectTls({ host: "127.0.0.1", port, ALPNProtocols: ["h2"], rejectUnauthorized: false })
      : connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, options.secureServing === true ? "secureConnect" : "connect");
  return { host: new FrameHost(socket), close: () => picker.close() };
}

test("F41 streams that race the end are served: a GOAWAY without a last stream, a PING, then the final GOAWAY", async (t) => {
  const { host, close } = await aHost(t, {});
  host.check(1);
  await host.next(isEndOf(1));
  const closed = close();
  assert.equal(await host.goAway(), 2 ** 31 - 1);
  // On its way when the host read the GOAWAY.
  host.check(3);
  const ping = await host.next(({ type, flags }) => type === "PING" && flags !== acknowledged);
  host.acknowledgePing(ping?.payload ?? Buffer.alloc(8));
  assert.ok(await host.next(isEndOf(3)), "stream 3 was not served");
  assert.equal(await host.goAway(), 3);
  await closed;
});

test("F41 a host that does not answer the PING is not waited for longer than a second", async (t) => {
  const { host, close } = await aHost(t, {});
  host.check(1);
  await host.next(isEndOf(1));
  const closed = close();
  assert.equal(await host.goAway(), 2 ** 31 - 1);
  assert.equal(await host.goAway(), 1);
  await closed;
});

test("F41 under TLS a stream that races the end is named as not served, so that a host can ask another picker", async (t) => {
  const { host, close } = await aHost(t, { secureServing: true });
  host.check(1);
  await host.next(isEndOf(1));
  const closed = close();
  assert.equal(await host.goAway(), 1);
  host.check(3);
  assert.equal(await host.next(isEndOf(3)), undefined);
  await closed;
});
