import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type Authorize, PageAccess, type Refusal } from "./page-access.ts";
import type { MetricsRegistry } from "./registry.ts";

/** The HTTP server of the metrics port. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The server's pair, and who may sign a client's certificate if clients need one; all PEM. */
export interface MetricsTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Takes only clients whose certificate this CA has signed; default: any client. */
  readonly clientCa?: Buffer | undefined;
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
  /** HTTPS; default: plain HTTP. */
  readonly tls?: MetricsTls | undefined;
  /** Whether the bearer of a token may read a page; default: no token is asked for. */
  readonly authorize?: Authorize | undefined;
  /** Whether requests may be sent to this picker, for `/readyz`; default: always. */
  readonly isReady?: () => boolean;
  /** JSON pages under `/debug/`; default: none. */
  readonly debugPages?: DebugPages;
}

/**
 * Serves `GET /metrics` (Prometheus text), pages under `/debug/`, and for everybody `GET /healthz` ("ok" while the process
 * lives) and `GET /readyz` ("ok", or 503 while health is not serving). Rejects with the system's error when the port cannot be
 * had.
 */
export async function startMetricsServer(
  registry: MetricsRegistry,
  options: MetricsServerOptions,
): Promise<MetricsServer> {
  const { tls, authorize } = options;
  const access = new PageAccess({ authorize, needsCertificate: tls?.clientCa !== undefined });
  const server = listenerServer(tls, (request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/metrics") {
      whenAllowed(response, access.metrics(request), () => answerMetrics(response, registry));
    } else if (path.startsWith("/debug/") && options.debugPages !== undefined) {
      const { debugPages } = options;
      whenAllowed(response, access.debug(request, path), () => answerDebug(response, () => debugPages(path, query)));
    } else answerProbe(response, path, options.isReady);
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function answerProbe(response: ServerResponse, path: string, isReady = (): boolean => true): void {
  if (path === "/healthz" || (path === "/readyz" && isReady())) answerText(response, 200, "ok\n");
  else if (path === "/readyz") answerText(response, 503, "not serving\n");
  else answerText(response, 404, "Not found; try /metrics\n");
}

/** Answers at once where nobody has to be asked. */
function whenAllowed(
  response: ServerResponse,
  refusal: Refusal | undefined | Promise<Refusal | undefined>,
  answer: () => void,
): void {
  const settle = (found: Refusal | undefined): void => {
    if (found === undefined) answer();
    else answerText(response, found.status, found.body, found.headers);
  };
  if (refusal instanceof Promise) {
    refusal.then(settle, (error: unknown) => answerText(response, 500, `Cannot check access: ${String(error)}\n`));
  } else settle(refusal);
}

function answerText(response: ServerResponse, status: number, body: string, headers: object = {}): void {
  response.writeHead(status, { "content-type": "text/plain", ...headers }).end(body);
}

function answerMetrics(response: ServerResponse, registry: MetricsRegistry): void {
  registry.page().then(
    (page) => response.writeHead(200, { "content-type": registry.contentType }).end(page),
    (error: unknown) => answerText(response, 500, `Cannot collect metrics: ${String(error)}\n`),
  );
}

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
    else answerText(response, 404, "Not found; try /debug/endpoints\n");
  } catch (error) {
    answerText(response, 500, `Cannot make the page: ${String(error)}\n`);
  }
}

/** Plain HTTP, or HTTPS, for clients with a certificate alone where there is a CA for them. */
function listenerServer(tls: MetricsTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const { cert, key, clientCa } = tls;
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return createTlsServer({ cert, key, ...clients, minVersion: "TLSv1.2" }, listener);
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
