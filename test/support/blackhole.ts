import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";

/** Listens, says on which port, and never accepts: its thread stands still. */
const listener = `
  const { createServer } = require("node:net");
  const { parentPort } = require("node:worker_threads");
  const server = createServer();
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** A port of loopback that lets connections hang: its queue of connections to accept is full, so packets are dropped. */
export async function startBlackhole(t: TestContext): Promise<number> {
  const worker = new Worker(listener, { eval: true });
  const sockets: Socket[] = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await worker.terminate();
  });
  const [port] = (await once(worker, "message")) as [number];
  for (let i = 0; i < 8; i++) sockets.push(connect(port, "127.0.0.1").on("error", () => {}));
  await once(sockets[0] as Socket, "connect");
  return port;
}
