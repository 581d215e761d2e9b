import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
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

/**
 * Serves `GET /metrics` (Prometheus text) and `GET /healthz` ("ok" while the process lives). `port` 0 takes a free one.
 * Rejects with the system's error when the port cannot be had.
 */
export async function startMetricsServer(
  registry: MetricsRegistry,
  options: { host: string; port: number; mutualTls?: MutualTls | undefined },
): Promise<MetricsServer> {
  const server = listenerServer(options.mutualTls, (request, response) => {
    const path = (request.url ?? "").split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/metrics") {
      registry.page().then(
        (page) => response.writeHead(200, { "content-type": registry.contentType }).end(page),
        (error: unknown) => response.writeHead(500).end(`Cannot collect metrics: ${String(error)}\n`),
      );
    } else if (path === "/healthz") {
      response.writeHead(200, { "content-type": "text/plain" }).end("ok\n");
    } else {
      response.writeHead(404, { "content-type": "text/plain" }).end("Not found; try /metrics\n");
    }
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
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
