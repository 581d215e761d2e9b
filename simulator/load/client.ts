import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { type Clock, sleep } from "../../src/lib/clock.ts";
import { type LoadRequest, requestBody, requestPath } from "./load-request.ts";
import { StreamReader } from "./stream-reader.ts";

/** How one request of a load went. Times are in ms from its intended arrival, also when it was sent late. */
export interface Outcome {
  readonly request: LoadRequest;
  /** Name of the emulated server that answered, from `x-emulated-endpoint`; undefined when none did. */
  readonly endpoint: string | undefined;
  /** Why the request failed; undefined when it did not. */
  readonly error: string | undefined;
  /** First token with text. NaN without one. */
  readonly ttftMs: number;
  /** Last byte. NaN for a failed request. */
  readonly e2eMs: number;
  readonly promptTokens: number;
  /** Prompt tokens that the server took from its prefix cache. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

/** How a load is sent. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Stops the load: nothing more is sent, what is open is cut. */
  readonly signal: AbortSignal;
  /** Told when a request is sent, with how late that was. */
  readonly sent?: (request: LoadRequest, lateMs: number) => void;
  /** Told when a request has ended. */
  readonly ended?: (outcome: Outcome) => void;
}

/** A request that takes longer has failed. */
const requestTimeoutMs = 60_000;

/**
 * Sends `load` open loop, each request at its time whatever became of those before, and resolves with the outcomes in the
 * order of the load when the last has ended. Rejects with the signal's reason when it aborts.
 */
export async function runLoad(load: readonly LoadRequest[], target: LoadTarget): Promise<Outcome[]> {
  const { clock, signal } = target;
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 1024 });
  const startMs = clock.nowMs();
  const outcomes: Promise<Outcome>[] = [];
  const cut = (): void => agent.destroy();
  signal.addEventListener("abort", cut);
  try {
    for (const request of load) {
      const dueMs = startMs + request.arrivalMs;
      const waitMs = dueMs - clock.nowMs();
      if (waitMs > 0) await sleep(clock, waitMs, signal);
      signal.throwIfAborted();
      target.sent?.(request, Math.max(0, clock.nowMs() - dueMs));
      outcomes.push(send(request, dueMs, { ...target, agent }));
    }
    const all = await Promise.all(outcomes);
    signal.throwIfAborted();
    return all;
  } finally {
    signal.removeEventListener("abort", cut);
    agent.destroy();
  }
}

type Sender = LoadTarget & { readonly agent: Agent };

function send(request: LoadRequest, dueMs: number, sender: Sender): Promise<Outcome> {
  return new Promise((resolve) => {
    const exchange = new Exchange(request, dueMs, sender, (outcome) => {
      sender.ended?.(outcome);
      resolve(outcome);
    });
    exchange.start();
  });
}

/** One request and its answer. */
class Exchange {
  readonly #request: LoadRequest;
  readonly #dueMs: number;
  readonly #sender: Sender;
  readonly #settle: (outcome: Outcome) => void;
  readonly #reader = new StreamReader();
  #endpoint: string | undefined;
  #firstTokenMs = Number.NaN;
  #isSettled = false;

  constructor(request: LoadRequest, dueMs: number, sender: Sender, settle: (outcome: Outcome) => void) {
    this.#request = request;
    this.#dueMs = dueMs;
    this.#sender = sender;
    this.#settle = settle;
  }

  start(): void {
    const { host, port, agent, clock } = this.#sender;
    const body = Buffer.from(requestBody(this.#request));
    const headers = { "content-type": "application/json", "content-length": body.length };
    const sending = httpRequest({ host, port, agent, headers, method: "POST", path: requestPath(this.#request) });
    const cancelTimeout = clock.after(requestTimeoutMs, () => {
      sending.destroy(new Error(`no complete answer within ${requestTimeoutMs / 1000} s`));
    });
    sending.on("close", () => {
      cancelTimeout();
      this.#finish("the connection closed before the answer was complete");
    });
    sending.on("error", (error) => this.#finish(error.message));
    sending.on("response", (response) => this.#receive(response));
    sending.end(body);
  }

  #receive(response: IncomingMessage): void {
    this.#endpoint = response.headers["x-emulated-endpoint"]?.toString();
    let refusal = "";
    response.on("data", (chunk: Buffer) => {
      if (response.statusCode !== 200) refusal = (refusal + chunk.toString()).slice(0, 200);
      if (this.#reader.push(chunk)) this.#firstTokenMs = this.#sender.clock.nowMs();
    });
    response.on("error", (error) => this.#finish(error.message));
    response.on("end", () => {
      const { statusCode = 0 } = response;
      if (statusCode !== 200) this.#finish(`status ${statusCode} with "${refusal}", expected 200`);
      else this.#finish(this.#reader.isDone && this.#reader.hasContent ? undefined : "the stream ended early");
    });
  }

  #finish(error: string | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const { promptTokens, cachedTokens, outputTokens } = this.#reader;
    this.#settle({
      request: this.#request,
      endpoint: this.#endpoint,
      error,
      ttftMs: this.#firstTokenMs - this.#dueMs,
      e2eMs: error === undefined ? this.#sender.clock.nowMs() - this.#dueMs : Number.NaN,
      promptTokens,
      cachedTokens,
      outputTokens,
    });
  }
}
