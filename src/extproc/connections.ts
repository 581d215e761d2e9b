import type { Server } from "@grpc/grpc-js";
import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { type Clock, sleep } from "../lib/clock.ts";
import { ResetAllowance, liftsResetLimit, retireGraceMs } from "./reset-limit.ts";
import { http2ServersOf } from "./grpc-internals.ts";

/** GOAWAY without error for streams above 2^31-1: no new streams, please, but none that is on its way is refused (RFC 9113 6.8). */
const shutdownNotice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** The connections of one gRPC server, for its shutdown. */
export class Connections {
  readonly #sockets = new Set<Socket>();
  /** With the socket under it; undefined under TLS. */
  readonly #sessions = new Map<ServerHttp2Session, Socket | undefined>();

  /** `server` is bound. */
  constructor(server: Server, isSecure: boolean, clock: Clock) {
    for (const http2Server of http2ServersOf(server)) {
      let opened: Socket | undefined;
      // First of the listeners: a session without TLS begins, and tells so, while the server's own listener runs.
      http2Server.prependListener("connection", (socket: Socket) => {
        opened = socket;
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
      });
      http2Server.on("session", (session: ServerHttp2Session) => {
        const socket = isSecure ? undefined : opened;
        this.#sessions.set(session, socket);
        session.once("close", () => this.#sessions.delete(session));
        if (socket !== undefined && !liftsResetLimit) watchResets(session, socket, clock);
      });
    }
  }

  /**
   * The first of two GOAWAYs, which asks hosts for no new streams and still takes those on their way. Resolves when every
   * host has answered the PING that follows it, after `limitMs` at the latest; streams that race the second GOAWAY are
   * in by then. Connections with TLS get the second only: Node has no call for the first, and aborts the process when
   * anything but its HTTP/2 session writes to a TLS socket.
   */
  async announceEnd(clock: Clock, limitMs: number): Promise<void> {
    const waiting = new AbortController();
    const answers = [...this.#sessions].flatMap(([session, socket]) =>
      socket === undefined ? [] : [announce(session, socket)],
    );
    const all = Promise.all(answers).then(() => waiting.abort());
    await Promise.race([all, sleep(clock, limitMs, waiting.signal)]);
    waiting.abort();
  }

  /** Cuts what is still connected, those too that never spoke HTTP/2. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Replaces a connection before its resets make Node end it: no request on its way is lost. */
function watchResets(session: ServerHttp2Session, socket: Socket, clock: Clock): void {
  const allowance = new ResetAllowance();
  session.on("stream", (stream) => {
    stream.once("close", () => {
      const isReset = stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR;
      if (!isReset || !allowance.isSpentBy(clock.nowMs())) return;
      // Streams that raced the notice are in once it is answered; then the connection may end when they have.
      void announce(session, socket).then(() => clock.after(retireGraceMs, () => session.close()));
    });
  });
}

function announce(session: ServerHttp2Session, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (session.closed || session.destroyed || !socket.writable) return resolve();
    // nghttp2 drops new streams after any GOAWAY of its own, whatever its stream id; so it must not know of this one.
    socket.write(shutdownNotice);
    if (!session.ping(() => resolve())) resolve();
  });
}
