import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { errorBody } from "./api-error.ts";
import { type CompletionApi, parseCompletionRequest } from "./completion-request.ts";
import { changeFaults, type Faults, noFaults } from "./faults.ts";
import { ModelService, type ModelServiceOptions } from "./model-service.ts";
import { modelList } from "./model-list.ts";
import { readBody } from "./read-body.ts";

/** Where an emulated server listens. */
export interface EmulatedEndpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** One emulated vLLM server on its own address. */
export class EndpointServer {
  readonly name: string;
  readonly service: ModelService;
  readonly #options: ModelServiceOptions;
  readonly #server: Server;
  readonly #startedAtSeconds: number;
  /** By path, then by method. */
  readonly #routes: ReadonlyMap<string, Readonly<Record<string, Handler>>>;
  #faults: Faults = noFaults;
  #frozenPage: Buffer | undefined = undefined;

  constructor(name: string, options: ModelServiceOptions) {
    this.name = name;
    this.#options = options;
    this.service = new ModelService(options);
    this.#startedAtSeconds = Math.floor(options.clock.wallMs() / 1000);
    this.#routes = new Map<string, Readonly<Record<string, Handler>>>([
      ["/v1/completions", { POST: (request, response) => this.#complete("completions", request, response) }],
      ["/v1/chat/completions", { POST: (request, response) => this.#complete("chat-completions", request, response) }],
      ["/v1/models", { GET: (_request, response) => this.#answerModels(response) }],
      ["/health", { GET: (_request, response) => send(response, 200, "text/plain", "") }],
      ["/metrics", { GET: (_request, response) => this.#answerMetrics(response) }],
      ["/emulator/fault", { POST: (request, response) => this.#changeFaults(request, response) }],
      ["/emulator/reset", { POST: (_request, response) => this.#reset(response) }],
    ]);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // Gateways keep idle connections for longer than any default here, and a reset of ours would look like a failure.
    this.#server.keepAliveTimeout = 0;
    this.#server.headersTimeout = 0;
    this.#server.requestTimeout = 0;
  }

  /** Listens on `host`, on a free port when `port` is 0. Rejects when the port is in use. */
  async listen(host: string, port: number): Promise<EmulatedEndpoint> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return { name: this.name, host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Stops the engine and cuts every connection. */
  async close(): Promise<void> {
    this.service.engine.close();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("x-emulated-endpoint", this.name);
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const route = this.#routes.get(path);
    if (route === undefined) return sendJson(response, 404, '{"detail":"Not Found"}');
    const handler = route[request.method ?? "GET"];
    if (handler === undefined) return sendJson(response, 405, '{"detail":"Method Not Allowed"}');
    await handler(request, response);
  }

  async #complete(api: CompletionApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === undefined || response.destroyed) return;
    if (this.#faults.failRatio > 0 && this.#options.random() < this.#faults.failRatio) {
      const failure = { status: 500, type: "InternalServerError", message: "Emulated failure", param: null };
      return sendJson(response, 500, errorBody(failure));
    }
    const parsed = parseCompletionRequest(api, body);
    const requestId = request.headers["x-request-id"];
    const error = "status" in parsed ? parsed : this.service.complete(parsed, response, requestId?.toString());
    if (error !== undefined) sendJson(response, error.status, errorBody(error));
  }

  #answerModels(response: ServerResponse): void {
    sendJson(response, 200, modelList(this.service.models, this.service.config.maxModelTokens, this.#startedAtSeconds));
  }

  #answerMetrics(response: ServerResponse): void {
    if (this.#faults.metrics === "silent") return;
    if (this.#faults.metrics === "error") return send(response, 500, "text/plain", "Internal Server Error");
    const page = this.#frozenPage ?? this.service.metricsPage();
    send(response, 200, "text/plain; version=0.0.4; charset=utf-8", page);
  }

  async #changeFaults(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) return;
    const changed = changeFaults(this.#faults, body);
    if (typeof changed === "string") return sendJson(response, 400, JSON.stringify({ error: changed }));
    this.#apply(changed);
    sendJson(response, 200, JSON.stringify(changed));
  }

  #reset(response: ServerResponse): void {
    this.#apply(noFaults);
    sendJson(response, 200, JSON.stringify(noFaults));
  }

  #apply(faults: Faults): void {
    this.#frozenPage = faults.metrics === "frozen" ? (this.#frozenPage ?? this.service.metricsPage()) : undefined;
    const hangs = this.#faults.hang !== faults.hang;
    this.#faults = faults;
    this.service.engine.slowDown(faults.slowFactor);
    if (hangs) this.service.engine.hang(faults.hang);
  }
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  send(response, status, "application/json", body);
}

function send(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
