import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { startTestPicker, type TestPicker } from "../support/a-picker.ts";
import { completion, destinationOf } from "../support/exchanges.ts";
import { setHeaders } from "../support/ext-proc-client.ts";
import { type FakeModelServer, startFakeModelServer } from "../support/fake-model-server.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** An HTTP/2 frame on stream 0. */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

const settings = frame(4, 0, Buffer.alloc(0));
const ping = frame(6, 0, Buffer.alloc(8));
const goaway = frame(7, 0, Buffer.alloc(8));
const hello = Buffer.concat([preface, settings]);

function flood(of: Buffer, count: number): Buffer {
  return Buffer.concat([hello, ...Array.from({ length: count }, () => of)]);
}

const attacks: readonly [what: string, bytes: Buffer][] = [
  ["a garbage preface", Buffer.from("GET / HTTP/1.1\r\nhost: picker\r\n\r\n")],
  ["random bytes", Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167 + 13) % 256))],
  ["a PING flood", flood(ping, 50_000)],
  ["a SETTINGS flood", flood(settings, 50_000)],
  ["a GOAWAY flood", flood(goaway, 10_000)],
  ["a frame of an absurd length", Buffer.concat([hello, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])])],
  ["frames of unknown types", flood(frame(0xbe, 0xff, Buffer.alloc(16)), 10_000)],
];

/** Sends `bytes` on a connection of its own, reads whatever comes, and waits until they are taken or the connection ended. */
async function send(t: TestContext, port: number, bytes: Buffer): Promise<void> {
  const socket: Socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  await Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), once(socket, "close")]);
}

/** A picker with a stream open on a good connection. */
async function aBusyPicker(t: TestContext): Promise<{ picker: TestPicker; server: FakeModelServer }> {
  const server = await startFakeModelServer(t);
  return { picker: await startTestPicker(t, [server]), server };
}

for (const [what, bytes] of attacks) {
  test(`F62 ${what} costs its own connection only`, async (t) => {
    const { picker, server } = await aBusyPicker(t);
    const open = picker.open().requestHeaders(
      [
        [":method", "GET"],
        [":path", "/v1/models"],
      ],
      true,
    );
    await open.next();
    await send(t, picker.picker.grpcPort, bytes);
    open.responseHeaders([[":status", "200"]]);
    assert.equal(setHeaders(await open.next())["x-went-into-resp-headers"], "true", "a stream that was open goes on");
    assert.equal(await open.close(), undefined);
    assert.equal(await destinationOf(picker, completion("base")), server.address, "new streams are served");
  });
}
