import { Client, type Dispatcher } from "undici";
import { formatAddress } from "../datastore/endpoint.ts";
import { Connector, type TlsSettings } from "./connect.ts";
import type { DeadlineSweep } from "./deadline-sweep.ts";
import { classifyError, type ScrapeFailure } from "./failure.ts";

/** Why there is no page. */
export interface FailedFetch {
  readonly kind: "failed";
  readonly reason: ScrapeFailure;
  /** At most 200 characters; may hold text of the endpoint's answer. */
  readonly detail: string;
  /** HTTP status of a refused answer, for the reason `status`. */
  readonly status?: number;
}

/** A failure before it is the result of a fetch. */
type Refusal = Omit<FailedFetch, "kind">;

/** Reads a whole page. The buffer is used again for the next page of any endpoint, so nothing may keep it or a part of it. */
export type ReadPage<T> = (page: Buffer) => T;

/** Where and how to get one endpoint's page. */
export interface FetchOptions {
  readonly host: string;
  readonly port: number;
  /** Default "/metrics". */
  readonly path?: string;
  /** HTTPS with these settings; default plain HTTP. */
  readonly tls?: TlsSettings | undefined;
  readonly sweep: DeadlineSweep;
  /** Time for the whole page, a retry included. */
  readonly deadlineMs: number;
  /** Time for the connection; default 500. */
  readonly connectDeadlineMs?: number;
}

const maxPageBytes = 4 * 1024 * 1024;
/** What is read of an answer nobody wants, to keep its connection. */
const maxDrainedBytes = 64 * 1024;
const maxHeaderBytes = 16 * 1024;
const maxInterimResponses = 8;

const requestHeaders = {
  accept: "text/plain;version=0.0.4,text/plain;q=0.5",
  "accept-encoding": "identity",
  "user-agent": "inference-endpoint-picker",
};

/**
 * Fetches the metrics page of one endpoint over one kept connection. Goes to the given address only: no redirects, no
 * proxy from the environment, no compression. All limits on time are ours, all limits on size fixed (reliability T20,
 * T21, F01-F12).
 */
export class PageFetcher {
  readonly #options: FetchOptions;
  readonly #connector: Connector;
  #client: Client | undefined;
  /** The present connection has brought a response, so a reset before the next one may mean that it was idle too long. */
  #isProven = false;

  constructor(options: FetchOptions) {
    this.#options = options;
    this.#connector = new Connector({ host: options.host, port: options.port, tls: options.tls });
  }

  /** Resolves with what `read`, which must not throw, makes of the page. Never rejects. One call at a time. */
  async fetch<T extends { readonly kind: string }>(read: ReadPage<T>): Promise<T | FailedFetch> {
    let attempt: Attempt<T> | undefined;
    let isLate = false;
    const cancel = this.#options.sweep.watch(this.#options.deadlineMs, () => {
      isLate = true;
      this.#discard(attempt, `no whole page within ${this.#options.deadlineMs} ms`);
    });
    const wasProven = this.#isProven;
    attempt = this.#start(read);
    let result = await attempt.result;
    if (wasProven && !isLate && isFailed(result) && result.reason === "connect-reset") {
      attempt = this.#start(read);
      result = await attempt.result;
    }
    cancel();
    // undici counts the request as running for ever, and sends no other.
    if (isFailed(result) && result.reason === "tls-name") await this.close();
    return result;
  }

  /** Ends a fetch under way and closes the connection; resolves when the socket is gone. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#connector.abandon();
    await client?.destroy();
  }

  #start<T>(read: ReadPage<T>): Attempt<T> {
    const { sweep, connectDeadlineMs = 500, path = "/metrics" } = this.#options;
    const client = (this.#client ??= this.#connect());
    const attempt = new Attempt(read, () => {
      this.#isProven = true;
    });
    const cancel = sweep.watch(connectDeadlineMs, () => {
      if (!attempt.isSent) this.#discard(attempt, `no connection within ${connectDeadlineMs} ms`);
    });
    void attempt.result.then(cancel);
    client.dispatch({ method: "GET", path, headers: requestHeaders }, attempt);
    return attempt;
  }

  #connect(): Client {
    const { host, port, tls } = this.#options;
    const client = new Client(`${tls === undefined ? "http" : "https"}://${formatAddress(host, port)}`, {
      connect: this.#connector.connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      maxHeaderSize: maxHeaderBytes,
      pipelining: 1,
    });
    const forget = (): void => {
      this.#isProven = false;
    };
    client.on("connect", forget).on("disconnect", forget);
    return client;
  }

  #discard(attempt: Pick<Attempt<never>, "fail"> | undefined, detail: string): void {
    attempt?.fail({ reason: "timeout", detail });
    void this.close();
  }
}

function isFailed(result: { readonly kind: string }): result is FailedFetch {
  return result.kind === "failed";
}

/** One request: collects the page within the limits and settles exactly once. */
class Attempt<T> implements Dispatcher.DispatchHandler {
  readonly result: Promise<T | FailedFetch>;
  /** The connection stands and the request is on its way. */
  isSent = false;
  #settle: (result: T | FailedFetch) => void = () => {};
  readonly #read: ReadPage<T>;
  readonly #onWhole: () => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #interimResponses = 0;
  #hasResponse = false;
  /** Why the answer is refused though it is read to its end, to keep the connection. */
  #refusal: Refusal | undefined;
  #endsWithConnection = false;

  /** `onWhole` is called when a whole response came, wanted or not. */
  constructor(read: ReadPage<T>, onWhole: () => void) {
    this.#read = read;
    this.#onWhole = onWhole;
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  fail(refusal: Refusal): void {
    this.#settle({ kind: "failed", ...refusal, detail: refusal.detail.slice(0, 200) });
  }

  onRequestStart(): void {
    this.isSent = true;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) {
      if (++this.#interimResponses > maxInterimResponses)
        this.#abort(controller, { reason: "malformed", detail: "too many 1xx responses" });
      return;
    }
    this.#hasResponse = true;
    const { "content-encoding": encoding = "identity", "content-type": type, "content-length": length } = headers;
    this.#endsWithConnection = length === undefined && headers["transfer-encoding"] === undefined;
    if (String(encoding).toLowerCase() !== "identity") {
      this.#abort(controller, { reason: "encoding", detail: `content-encoding ${String(encoding)}` });
    } else if (Number(length ?? 0) > maxPageBytes) {
      this.#abort(controller, { reason: "too-large", detail: `content-length ${String(length)}` });
    } else if (status !== 200) {
      this.#refusal = { reason: "status", detail: `status ${status}`, status };
    } else if (type !== undefined && !/^(?:text\/plain|application\/openmetrics-text)\b/i.test(String(type))) {
      this.#refusal = { reason: "malformed", detail: `content-type ${String(type)}` };
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#refusal !== undefined) {
      if (this.#bytes > maxDrainedBytes) this.#abort(controller, this.#refusal);
    } else if (this.#bytes > maxPageBytes) {
      this.#abort(controller, { reason: "too-large", detail: `more than ${maxPageBytes} bytes` });
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(): void {
    this.#onWhole();
    if (this.#refusal !== undefined) return this.fail(this.#refusal);
    const page = joinInScratch(this.#chunks, this.#bytes);
    // Without a length the end of the connection is the end of the page, be it finished or cut.
    if (this.#endsWithConnection && page.length > 0 && page.at(-1) !== 0x0a) {
      return this.fail({ reason: "truncated", detail: "the connection ended inside a line" });
    }
    this.#settle(this.#read(page));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail({ reason: classifyError(error, this.#hasResponse), detail: error.message });
  }

  #abort(controller: Dispatcher.DispatchController, refusal: Refusal): void {
    this.#chunks.length = 0;
    this.fail(refusal);
    controller.abort(new Error(refusal.detail));
  }
}

let scratch = Buffer.alloc(128 * 1024);

/**
 * All chunks in one buffer that serves every page in turn. A buffer per page would be 60 KB of external memory 20 times
 * a second for each endpoint, which makes the collector mark the whole heap several times a second.
 */
function joinInScratch(chunks: readonly Buffer[], bytes: number): Buffer {
  if (bytes > scratch.length) scratch = Buffer.alloc(Math.min(maxPageBytes, bytes * 2));
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(scratch, at);
  return scratch.subarray(0, at);
}
