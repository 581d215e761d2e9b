import type { Server } from "@grpc/grpc-js";
import type { Http2Server, ServerHttp2Session } from "node:http2";

/** Bytes a host may send ahead on one stream, and on one connection. HTTP/2's 64 KB make a 1 MiB prompt wait 16 round trips. */
export const streamWindowBytes = 1024 * 1024;
export const connectionWindowBytes = 4 * 1024 * 1024;

/** Fields of grpc-js's server that its types do not show; there is no public way to the server's windows. */
interface ServerInternals {
  readonly commonServerOptions?: { settings?: { initialWindowSize?: number } };
  readonly http2Servers?: Map<Http2Server, unknown>;
}

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
  const { http2Servers } = server as unknown as ServerInternals;
  if (!(http2Servers instanceof Map) || http2Servers.size === 0) return false;
  for (const http2Server of http2Servers.keys()) {
    http2Server.on("session", (session: ServerHttp2Session) => session.setLocalWindowSize(connectionWindowBytes));
  }
  return true;
}
