import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** What the fake reports as its load. */
export interface FakeLoad {
  readonly waiting: number;
  readonly running: number;
  readonly kvCacheRatio: number;
}

/** A real HTTP server on loopback that answers like a vLLM server, or as a test tells it to. */
export interface FakeModelServer {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  /** Changes what the metrics page says from now on. */
  setLoad(load: Partial<FakeLoad>): void;
  /** Answers everything with `listener` from now on; undefined: with the metrics page again. */
  answerWith(listener: RequestListener | undefined): void;
  /** Requests seen so far. */
  requests(): number;
  /** Connections accepted so far. */
  connections(): number;
  /** Resolves with the next request that arrives. */
  nextRequest(): Promise<IncomingMessage>;
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>;
}

/** A metrics page as vLLM prints it, cut to the families a picker reads and one it does not. */
export function renderPage({ waiting, running, kvCacheRatio }: FakeLoad): string {
  const labels = 'engine="0",model_name="base"';
  const gauge = (name: string, value: string): string =>
    `# HELP ${name} Fake.\n# TYPE ${name} gauge\n${name}{${labels}} ${value}\n`;
  return [
    gauge("vllm:num_requests_running", running.toFixed(1)),
    gauge("vllm:num_requests_waiting", waiting.toFixed(1)),
    gauge("vllm:kv_cache_usage_perc", String(kvCacheRatio)),
    "# TYPE vllm:e2e_request_latency_seconds histogram\n",
    `vllm:e2e_request_latency_seconds_bucket{${labels},le="0.3"} 4.0\n`,
    '# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="2048"} 1.0\n',
  ].join("");
}

/** Starts a fake that is stopped with the test. */
export async function startFakeModelServer(t: TestContext, first: Partial<FakeLoad> = {}): Promise<FakeModelServer> {
  let load: FakeLoad = { waiting: 0, running: 0, kvCacheRatio: 0, ...first };
  let override: RequestListener | undefined;
  let [requests, connections] = [0, 0];
  const waiters: ((request: IncomingMessage) => void)[] = [];
  // Requests with 60 KB of headers come through a gateway.
  const server = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
    requests++;
    if (override === undefined) sendPage(response, renderPage(load));
    else override(request, response);
    for (const resolve of waiters.splice(0)) resolve(request);
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  t.after(stop);
  return {
    host: "127.0.0.1",
    port,
    address: `127.0.0.1:${port}`,
    setLoad: (next) => {
      load = { ...load, ...next };
    },
    answerWith: (listener) => {
      override = listener;
    },
    requests: () => requests,
    connections: () => connections,
    nextRequest: () => new Promise((resolve) => waiters.push(resolve)),
    stop,
  };
}

/** Sends `page` with the headers of a metrics page. */
export function sendPage(response: ServerResponse, page: string): void {
  response.writeHead(200, {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "content-length": Buffer.byteLength(page),
  });
  response.end(page);
}

/** A TCP server on loopback that does `onConnection` with every connection; for answers no HTTP server would give. */
export async function startRawServer(
  t: TestContext,
  onConnection: (socket: Socket) => void,
  host = "127.0.0.1",
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A port of loopback nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
