import type { Server } from "@grpc/grpc-js";
import type { ServerHttp2Session } from "node:http2";
import { http2ServersOf, type ServerInternals } from "./grpc-internals.ts";

/** Bytes a host may send ahead on one stream, and on one connection. HTTP/2's 64 KB make a 1 MiB prompt wait 16 round trips. */
export const streamWindowBytes = 1024 * 1024;
export const connectionWindowBytes = 4 * 1024 * 1024;

/**
 * Widens the window of every stream of a server that is not bound yet. False, with nothing changed, when this grpc-js keeps
 * its options elsewhere; the server then works with 64 KB.
 */
export function widenStreamWindow(server: Server): boolean {
  const { commonServerOptions } = server as unknown as ServerInternals;
  if (typeof commonServerOptions !== "object") return false;
  commonServerOptions.settings = { ...commonServerOptions.settings, initialWindowSize: streamWindowBytes };
  return true;
}

/** Widens the window of every connection to come of a server that is bound; false as above. */
export function widenConnectionWindow(server: Server): boolean {
  const http2Servers = http2ServersOf(server);
  for (const http2Server of http2Servers) {
    http2Server.on("session", (session: ServerHttp2Session) => session.setLocalWindowSize(connectionWindowBytes));
  }
  return http2Servers.length > 0;
}
