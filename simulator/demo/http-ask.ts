import { request } from "node:http";
import type { SocketAddress } from "../../src/envoy/options.ts";

/** An answer's status and body. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own: GET, or POST when there is a `body` of JSON. Rejects after 5 s without an answer. */
export function ask({ host, port }: SocketAddress, path: string, body?: string): Promise<HttpAnswer> {
  const method = body === undefined ? "GET" : "POST";
  const headers =
    body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, path, method, headers, agent: false, timeout: 5000 }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 5 s")));
    asked.on("error", reject);
    asked.end(body);
  });
}
