import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect } from "node:net";

/** What reached the model server. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A listener that keeps what reaches it and answers 200. */
export function anEcho(): { seen: Seen[]; listener: RequestListener } {
  const seen: Seen[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", rawHeaders } = request;
      seen.push({ method, url, rawHeaders, body: Buffer.concat(chunks) });
      response.end("{}");
    });
    request.on("error", () => {});
  };
  return { seen, listener };
}

/** Values of a header as they stand on the wire, in order. */
export function valuesOf({ rawHeaders }: Seen, name: string): string[] {
  return rawHeaders.flatMap((header, at) =>
    at % 2 === 0 && header.toLowerCase() === name ? [rawHeaders[at + 1] ?? ""] : [],
  );
}

/** Sends text as it is; resolves with all that comes back until the connection ends, or `isEnough` says so. */
export async function exchangeRaw(
  port: number,
  text: string,
  isEnough = (answer: string) => /^HTTP[^]*\r\n\r\n/.test(answer),
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
    if (isEnough(answer)) socket.destroy();
  });
  socket.on("error", () => {});
  socket.write(Buffer.from(text, "latin1"));
  await once(socket, "close");
  return answer;
}
