import type { IncomingMessage } from "node:http";
import type { Clock } from "../../lib/clock.ts";
import { parseJson } from "../../lib/json-text.ts";
import type { ApiReply, ApiRequest, ApiServer, ApiWatch } from "./api-server.ts";
import { type AccessOptions, type ClusterAccess, type Credentials, findCluster } from "./cluster-access.ts";
import { ConnectionFailure, connectionFailure } from "./connection-failure.ts";
import { HttpConnections } from "./http-connections.ts";
import { readLines } from "./line-stream.ts";
import { RenewedCredentials } from "./renewed-credentials.ts";

/** Longest answer that is read. */
const maxReplyBytes = 64 * 1024 * 1024;
/** The server answers a watch at once, whether or not anything has happened. */
const watchHeadersMs = 10_000;

/** What the client needs. */
export interface ApiClientOptions extends AccessOptions {
  readonly clock: Clock;
  /** Told each time that token, certificate, CA or plugin cannot be read anew; the last good ones stay in force. */
  readonly onCredentialsProblem?: (message: string) => void;
}

/** The API server that KUBECONFIG, the service account or `~/.kube/config` name; its credentials were readable. Rejects with a `KubeconfigError`. */
export async function connectApiServer(options: ApiClientOptions): Promise<ApiServer> {
  const access = await findCluster(options);
  const credentials = new RenewedCredentials(access, options.clock, options.onCredentialsProblem ?? (() => {}));
  await credentials.current();
  return new ApiClient(access, credentials, options.clock);
}

interface Sendable {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

class ApiClient implements ApiServer {
  readonly url: string;
  readonly namespace: string | undefined;
  readonly #credentials: RenewedCredentials;
  readonly #clock: Clock;
  readonly #connections = new HttpConnections();
  #isClosed = false;

  constructor({ url, namespace }: ClusterAccess, credentials: RenewedCredentials, clock: Clock) {
    this.url = url;
    this.namespace = namespace;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  async ask(request: ApiRequest): Promise<ApiReply> {
    const { timeoutMs, signal } = request;
    return this.#within(timeoutMs, signal, async (ending) => readReply(await this.#send(request, ending)));
  }

  async watch({ path, query, signal }: Parameters<ApiServer["watch"]>[0]): Promise<ApiWatch> {
    const response = await this.#within(watchHeadersMs, signal, async (ending) => {
      // After the head only `signal` ends the watch.
      const both = new AbortController();
      const end = (): void => both.abort();
      ending.addEventListener("abort", end, { once: true });
      signal.addEventListener("abort", end, { once: true });
      const head = await this.#send({ method: "GET", path, query }, both.signal);
      ending.removeEventListener("abort", end);
      return head;
    });
    const status = response.statusCode ?? 0;
    if (status === 200) return { status, lines: readLines(response) };
    response.on("error", () => {}).resume();
    return { status, lines: nothing() };
  }

  renewCredentials(): void {
    this.#credentials.expire();
  }

  close(): void {
    this.#isClosed = true;
    this.#connections.close();
  }

  /** Runs `work` with a signal that ends it in time or with the caller's. */
  async #within<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (ending: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw new ConnectionFailure("aborted", "the connections are closed");
    const ending = new AbortController();
    const end = (): void => ending.abort();
    let isLate = false;
    const cancel = this.#clock.after(timeoutMs, () => {
      isLate = true;
      end();
    });
    if (signal?.aborted === true) end();
    signal?.addEventListener("abort", end, { once: true });
    try {
      return await unlessAborted(work(ending.signal), ending.signal);
    } catch (error) {
      const failure = isLate
        ? new ConnectionFailure("timeout", `found no answer within ${timeoutMs} ms`)
        : connectionFailure(error);
      if (failure.reason !== "aborted") this.#distrust(failure);
      throw failure;
    } finally {
      cancel();
      signal?.removeEventListener("abort", end);
    }
  }

  /** Connections are suspect after a failure of one; a server that is not trusted any more may have a new certificate. */
  #distrust({ reason }: ConnectionFailure): void {
    this.#connections.retire();
    if (reason === "tls") this.#credentials.expire();
  }

  async #send(request: Sendable, signal: AbortSignal): Promise<IncomingMessage> {
    const credentials = await this.#credentials.current();
    const response = await this.#sendAs(credentials, request, signal);
    if (response.statusCode !== 401) return response;
    const renewed = await this.#credentials.renew(credentials);
    if (isSame(renewed, credentials)) return response;
    response.on("error", () => {}).resume();
    return this.#sendAs(renewed, request, signal);
  }

  #sendAs(credentials: Credentials, { method, path, query, body }: Sendable, signal: AbortSignal) {
    signal.throwIfAborted();
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = {
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "inference-endpoint-picker",
      ...credentials.headers,
    };
    if (text !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = `${Buffer.byteLength(text)}`;
    }
    return this.#connections.send({ method, url, headers, body: text, credentials, signal });
  }
}

/** Rejects as soon as `signal` aborts, whatever `work` waits for. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new ConnectionFailure("aborted", "the request was ended"));
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

async function readReply(response: IncomingMessage): Promise<ApiReply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxReplyBytes) {
      throw new ConnectionFailure("too-large", `found an answer of more than ${maxReplyBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString("utf8")), bytes };
}

function isSame(a: Credentials, b: Credentials): boolean {
  return a.tlsKey === b.tlsKey && JSON.stringify(a.headers) === JSON.stringify(b.headers);
}

async function* nothing(): AsyncGenerator<string> {}
