import { once } from "node:events";
import { request as httpsRequest } from "node:https";

/** An answer of a real API server. */
export interface AdminReply {
  readonly status: number;
  readonly body: unknown;
}

/** Asks a real API server with all rights. */
export class AdminClient {
  readonly #port: number;
  readonly #ca: string;
  readonly #token: string;

  constructor({ port, ca, token }: { readonly port: number; readonly ca: string; readonly token: string }) {
    this.#port = port;
    this.#ca = ca;
    this.#token = token;
  }

  /** Resolves with any status; rejects without a connection. */
  async ask(method: string, path: string, body?: unknown): Promise<AdminReply> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const request = httpsRequest({
      method,
      path,
      host: "127.0.0.1",
      port: this.#port,
      ca: this.#ca,
      agent: false,
      headers: {
        authorization: `Bearer ${this.#token}`,
        "content-type": type,
        "content-length": Buffer.byteLength(text),
      },
    });
    request.end(text);
    const [response] = (await once(request, "response")) as [AsyncIterable<Buffer> & { statusCode: number }];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, body: parse(Buffer.concat(chunks).toString("utf8")) };
  }

  /** Rejects unless the status is 2xx; `isMissingFine`: 404 is no failure. */
  async must(method: string, path: string, body?: unknown, isMissingFine = false): Promise<unknown> {
    const reply = await this.ask(method, path, body);
    if ((reply.status < 300 && reply.status >= 200) || (isMissingFine && reply.status === 404)) return reply.body;
    throw new Error(`${method} ${path}: status ${reply.status}, ${JSON.stringify(reply.body)}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
