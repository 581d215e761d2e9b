import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Credentials } from "./cluster-access.ts";

/** Probes of the kernel find a peer that is gone without a word, then one a second, ten at most. */
const keepAliveProbeMs = 10_000;
/** Idle connections that are kept for the next request. */
const maxIdle = 2;

/** A request with everything that goes over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
}

/**
 * Kept HTTP/1.1 connections to one server. A dead connection of HTTP/2 would take all requests with it (a client that pings
 * does not notice), here each has its own. New credentials for TLS get new connections; old ones end with their requests.
 */
export class HttpConnections {
  #agent: HttpAgent | HttpsAgent | undefined;
  #tlsKey = "";
  readonly #open = new Set<ClientRequest>();

  /** Resolves with the head of the answer; rejects with the error of socket, TLS or signal. */
  async send(request: WireRequest): Promise<IncomingMessage> {
    try {
      return await this.#try(request);
    } catch (error) {
      // The server may end an idle connection in the moment in which it is used again.
      if (!(error instanceof IdleConnectionEnded)) throw error;
      return await this.#try(request);
    }
  }

  /** No idle connection is used again: something is wrong with one of them. */
  retire(): void {
    const agent = this.#agent;
    if (agent === undefined) return;
    this.#agent = undefined;
    // Those in use would come back to the pool of an agent that nobody asks any more.
    agent.maxFreeSockets = 0;
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** Ends all connections, also those in use. */
  close(): void {
    for (const request of this.#open) request.destroy();
    this.retire();
  }

  #try({ method, url, headers, body, credentials, signal }: WireRequest): Promise<IncomingMessage> {
    const agent = this.#agentFor(credentials);
    const options = { method, headers, agent, signal };
    return new Promise((resolve, reject) => {
      const request: ClientRequest = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
      this.#open.add(request);
      request.on("close", () => this.#open.delete(request));
      request.on("socket", (socket) => socket.setKeepAlive(true, keepAliveProbeMs));
      request.on("response", resolve);
      request.on("error", (error: NodeJS.ErrnoException) => {
        const isIdleEnd = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        reject(isIdleEnd && !signal.aborted ? new IdleConnectionEnded() : error);
      });
      request.end(body);
    });
  }

  #agentFor({ tls, tlsKey }: Credentials): HttpAgent | HttpsAgent {
    if (this.#agent !== undefined && this.#tlsKey === tlsKey) return this.#agent;
    this.retire();
    this.#tlsKey = tlsKey;
    const kept = { keepAlive: true, keepAliveMsecs: keepAliveProbeMs, maxFreeSockets: maxIdle };
    this.#agent = tls === undefined ? new HttpAgent(kept) : new HttpsAgent({ ...kept, ...tls });
    return this.#agent;
  }
}

class IdleConnectionEnded extends Error {
  constructor() {
    super("read ECONNRESET");
  }
}
