import type { Server } from "@grpc/grpc-js";
import type { Http2Server } from "node:http2";

/** Fields of grpc-js's server that its types do not show; there is no public way to its windows and connections. */
export interface ServerInternals {
  readonly commonServerOptions?: { settings?: { initialWindowSize?: number } };
  readonly http2Servers?: Map<Http2Server, unknown>;
}

/** The HTTP/2 servers under a gRPC server that is bound; none when this grpc-js keeps them elsewhere. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  const { http2Servers } = server as unknown as ServerInternals;
  return http2Servers instanceof Map ? [...http2Servers.keys()] : [];
}
