/** What a client says first on a connection. */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Frame types by name, and the flags that tests use. */
export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7 } as const;
export const acknowledged = 1;
export const endOfStream = 1;
export const endOfHeaders = 4;

/** A frame of HTTP/2. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers as HPACK literals without indexing; names and values of less than 127 bytes. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(headers).flatMap(([name, value]) => [0, name.length, name, value.length, value]);
  return Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));
}

/** Headers of a gRPC call of `path`. */
export function callHeaders(path: string): Buffer {
  return headerBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "picker",
    te: "trailers",
    "content-type": "application/grpc",
  });
}
