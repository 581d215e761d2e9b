import type { Server, ServerDuplexStream } from "@grpc/grpc-js";
import { constants, type Http2Server, type ServerHttp2Stream } from "node:http2";

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

function streamUnder(call: ServerDuplexStream<unknown, unknown>): ServerHttp2Stream | undefined {
  return (call as unknown as { call?: { stream?: ServerHttp2Stream } }).call?.stream;
}

/** The host has reset the stream, or both sides have ended it: nothing can be sent any more. False where this grpc-js hides it. */
export function isClosed(call: ServerDuplexStream<unknown, unknown>): boolean {
  return streamUnder(call)?.closed === true;
}

/**
 * Calls `listener` once the HTTP/2 stream is closed, with the gRPC status that was sent on it; undefined when none was, because
 * the host was faster. Where this grpc-js hides the stream, all have sent status 0.
 */
export function onClosed(
  call: ServerDuplexStream<unknown, unknown>,
  listener: (status: number | undefined) => void,
): void {
  const stream = streamUnder(call);
  if (stream === undefined) call.once("close", () => listener(0));
  else
    stream.once("close", () => {
      const status = stream.sentTrailers?.["grpc-status"] ?? stream.sentHeaders?.["grpc-status"];
      listener(status === undefined ? undefined : Number(status));
    });
}

/**
 * Ends a stream at once, whatever waits to be sent on it: an end with a status would wait behind it. Where this grpc-js keeps
 * the HTTP/2 stream elsewhere, the stream ends as soon as the host has read.
 */
export function resetStream(call: ServerDuplexStream<unknown, unknown>): void {
  const stream = streamUnder(call);
  if (stream === undefined) call.end();
  // Node keeps what waits on a stream that its host has reset without an error.
  else if (stream.closed) stream.destroy();
  else stream.close(constants.NGHTTP2_CANCEL);
}
