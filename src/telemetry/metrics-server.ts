import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { mayDebug } from "./debug-access.ts";
import type { MetricsRegistry } from "./registry.ts";

/** The HTTP server of the metrics port. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Mutual TLS: the server's pair, and who may sign a client's certificate; all PEM. */
export interface MutualTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer;
}

/** Pages beside the metrics, for people and tools of the picker; undefined: there is no such page. */
export type DebugPages = (
  path: string,
  query: string,
) => { readonly status: number; readonly body: string } | undefined;

/** What the metrics port is opened with. */
export interface MetricsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly mutualTls?: MutualTls | undefined;
  /** JSON pages under `/debug/`; default: none. */
  readonly debugPages?: DebugPages;
}

/**
 * Serves `GET /metrics` (Prometheus text), `GET /healthz` ("ok" while the process lives) and pages under `/debug/`. Rejects
 * with the system's error when the port cannot be had.
 */
export async function startMetricsServer(
  registry: MetricsRegistry,
  options: MetricsServerOptions,
): Promise<MetricsServer> {
  const server = listenerServer(options.mutualTls, (request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/metrics") {
      registry.page().then(
        (page) => response.writeHead(200, { "content-type": registry.contentType }).end(page),
        (error: unknown) => response.writeHead(500).end(`Cannot collect metrics: ${String(error)}\n`),
      );
    } else if (path === "/healthz") {
      response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
    } else if (path.startsWith("/debug/") && options.debugPages !== undefined) {
      const peer = { address: request.socket.remoteAddress, host: request.headers.host };
      const isAllowed = mayDebug({ ...peer, hasCertificate: options.mutualTls !== undefined });
      if (isAllowed) answerDebug(response, () => options.debugPages?.(path, query));
      else response.writeHead(403, { "content-type": "text/plain" }).end(debugRefusal);
    } else {
      response.writeHead(404, { "content-type": "text/plain" }).end("Not found; try /metrics\n");
    }
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

const debugRefusal =
  "Refused: pages under /debug/ are for loopback peers that name an address or localhost as host, or for mutual TLS\n";

/** A page that cannot be made is an error of its reader alone. */
function answerDebug(response: ServerResponse, makePage: () => ReturnType<DebugPages>): void {
  const headers = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  try {
    const page = makePage();
    if (page !== undefined) response.writeHead(page.status, headers).end(page.body);
    else response.writeHead(404, { "content-type": "text/plain" }).end("Not found; try /debug/endpoints\n");
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" }).end(`Cannot make the page: ${String(error)}\n`);
  }
}

/** Plain HTTP, or HTTPS that takes only clients whose certificate the CA has signed. */
function listenerServer(tls: MutualTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const { cert, key, clientCa } = tls;
  return createTlsServer(
    { cert, key, ca: clientCa, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" },
    listener,
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
