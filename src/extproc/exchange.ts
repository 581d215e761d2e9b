import { assertNever } from "../lib/assert-never.ts";
import type { Clock } from "../lib/clock.ts";
import { traitsOf } from "../request/apis.ts";
import { type InferenceRequest, withoutPrompt } from "../request/inference-request.ts";
import { codeOf, type Forward, type Reject, type RouteDecision, reject } from "../routing/decision.ts";
import { type HostMetadata, mergeMetadata, servedEndpoint } from "../routing/subset.ts";
import type { EndCause } from "../scheduling/plugin.ts";
import type { HeaderPairs, ReportedUsage, ResponseMetadata } from "../scheduling/roles.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { ExchangeLimits } from "./limits.ts";
import { MessageOrder } from "./message-order.ts";
import type { HostEvent, HostMessage, Metadata, PickerMessage } from "./messages.ts";
import type { ExchangeObserver, RequestLabels } from "./observer.ts";
import { type CompleteRequest, PendingRequest, type RequestRules } from "./pending-request.ts";
import type { Receiving, ReceivingSweep } from "./receiving-sweep.ts";
import { type DecisionPoint, forwardReply, rejectReply } from "./reply.ts";
import { ResponseRelay } from "./response-relay.ts";

/** What every exchange of a server shares. */
export interface ExchangeDeps {
  readonly clock: Clock;
  readonly limits: ExchangeLimits;
  /** Shared by all streams of the process. */
  readonly budget: ByteBudget;
  readonly sweep: ReceivingSweep;
  readonly observer: ExchangeObserver;
  readonly newRequestId: () => string;
  /** How requests are read from now on; asked once a request, so that a new config holds for all that come after it. */
  readonly policy: () => RequestPolicy;
  /** Decides; synchronous, so nothing else happens between snapshot and pick. */
  readonly route: (request: InferenceRequest, metadata: HostMetadata | undefined, arrivedAtMs: number) => RouteDecision;
  /** Told of refusals that `route` has no part in; `requestId` is "" where the headers gave no usable one. Default: nobody is. */
  readonly unrouted?: (refusal: Reject, requestId: string, arrivedAtMs: number) => void;
  /** Takes note that the request is on its way. */
  readonly dispatched: (decision: Forward) => Dispatched;
}

/** What a config and objects say about reading requests. */
export type RequestPolicy = Pick<RequestRules, "parsers" | "pluginHeaders" | "priorityOf" | "rewriteModel">;

/** A request on its way. */
export interface Dispatched {
  /**
   * The response's headers are here; `servedAddress` is where it went in the end where the host says so, after a retry for
   * one. Returns headers to set on the response.
   */
  responded(servedAddress: string | undefined, status: number | undefined): HeaderPairs;
  /** The first byte of the response's body is here; called once at most. */
  firstByte(): void;
  /** The response is complete, before its last answer is sent; returns metadata to send with that. */
  completed(status: number | undefined, usage: ReportedUsage | undefined): ResponseMetadata | undefined;
  /** It has ended; called once. */
  release(cause: EndCause): void;
}

/** What a host does that does not say: hosts older than `protocol_config` know no other use of a picker. */
const fullDuplex = { requestBodyMode: "full-duplex-streamed", responseBodyMode: "full-duplex-streamed" } as const;

/** Where the request stands. `refused` and `ended` take no further message. */
type State = "awaiting-headers" | "receiving" | "routed" | "unpicked" | "refused" | "ended";

/** The host broke the order of messages; its stream ends, others go on. */
export class OutOfOrderError extends Error {
  override readonly name = "OutOfOrderError";
}

/** Fairness id of requests that name none (protocol 3.1). */
const defaultFlow = "default-flow";

const noLabels: RequestLabels = { modelName: "", targetModelName: "", fairnessId: "", priority: 0 };

/**
 * One HTTP request and its response, told message by message over one stream (protocol 1.2, full duplex). `receive` answers
 * through `send`, in the order headers, body, trailers of each direction; after a refusal it calls `finish` to end the stream.
 * `end` must be called once when the stream is over, whatever the way; it frees all that the exchange holds.
 */
export class Exchange implements Receiving {
  readonly #deps: ExchangeDeps;
  readonly #send: (message: PickerMessage) => void;
  readonly #finish: () => void;
  readonly #startedAtMs: number;
  #state: State = "awaiting-headers";
  /** Body modes of the host; full duplex where it does not say. */
  #modes: NonNullable<HostMessage["protocolConfig"]> = fullDuplex;
  readonly #order = { request: new MessageOrder(), response: new MessageOrder() };
  #pending: PendingRequest | undefined;
  #metadata: HostMetadata | undefined;
  #responseMetadata: HostMetadata | undefined;
  #relay: ResponseRelay | undefined;
  #request: InferenceRequest | undefined;
  #labels = noLabels;
  #dispatched: Dispatched | undefined;
  #isCompleted = false;
  #firstByteAtMs: number | undefined;
  #lastChunkAtMs: number | undefined;
  #lastMessageAtMs: number;

  constructor(deps: ExchangeDeps, send: (message: PickerMessage) => void, finish: () => void) {
    this.#deps = deps;
    this.#send = send;
    this.#finish = finish;
    this.#startedAtMs = deps.clock.nowMs();
    this.#lastMessageAtMs = this.#startedAtMs;
    deps.observer.streamOpened();
  }

  /** Takes one message of the host. Throws OutOfOrderError when the protocol does not allow it here. */
  receive(message: HostMessage): void {
    if (this.#state === "ended" || this.#state === "refused") return;
    const { event } = message;
    if (message.metadata !== undefined) this.#noteMetadata(event, message.metadata);
    if (message.protocolConfig !== undefined && this.#state === "awaiting-headers")
      this.#modes = message.protocolConfig;
    if (message.observabilityMode) return this.#observe();
    if (event.kind === "unknown") return this.#deps.observer.illegalMessage("unknown-message");
    if (!this.#order[event.phase].take(event)) throw this.#outOfOrder(`${event.phase} ${event.kind}`);
    if (event.phase === "request") this.#onRequest(event);
    else this.#onResponse(event);
  }

  /** Refuses with 408 when the body's deadline or the gap since its last message is exceeded. */
  checkDeadline(nowMs: number): void {
    const { bodyDeadlineMs, idleGapMs } = this.#deps.limits;
    if (nowMs - this.#startedAtMs > bodyDeadlineMs) {
      this.#refuse(reject("rejected-body-timeout", `request body did not end within ${bodyDeadlineMs} ms`), false);
    } else if (nowMs - this.#lastMessageAtMs > idleGapMs) {
      this.#refuse(reject("rejected-body-timeout", `request body paused for more than ${idleGapMs} ms`), false);
    }
  }

  /** Answers 500 after an error of ours; false when the request is decided already, so that no answer is left to give. */
  fail(): boolean {
    if (this.#state !== "awaiting-headers" && this.#state !== "receiving") return false;
    this.#refuse(reject("rejected-internal", "the picker failed to process the request"), false);
    return true;
  }

  /** The stream is over; `cause` counts when the response is not complete. Only the first call does anything. */
  end(cause: "client-disconnect" | "error" = "client-disconnect"): void {
    if (this.#state === "ended") return;
    const wasRouted = this.#dispatched !== undefined || this.#isCompleted;
    this.#state = "ended";
    this.#releaseOnce(cause);
    this.#dropPending();
    this.#relay?.drop();
    if (wasRouted && this.#request !== undefined) this.#deps.observer.closed(this.#labels);
    this.#deps.observer.streamClosed();
  }

  /** The host mirrors traffic and takes no answer: there is nothing to decide. */
  #observe(): void {
    this.#deps.observer.illegalMessage("observability-mode");
    this.#state = "refused";
  }

  /**
   * The hint may come with the headers or with the last bytes: the last message of the request that carries one counts
   * (protocol 1.6). Who served is said by the response's messages alone (case B21).
   */
  #noteMetadata(event: HostEvent, metadata: HostMetadata): void {
    const isOfResponse = event.kind !== "unknown" && event.phase === "response";
    if (isOfResponse) this.#responseMetadata = mergeMetadata(this.#responseMetadata, metadata);
    else this.#metadata = mergeMetadata(this.#metadata, metadata);
  }

  #onRequest(event: Exclude<HostEvent, { kind: "unknown" }>): void {
    switch (event.kind) {
      case "headers":
        return this.#onRequestHeaders(event);
      case "body":
        return this.#onRequestBody(event.body, event.endOfStream);
      case "trailers":
        if (this.#state === "receiving" && this.#pending !== undefined) return this.#onEndOfBody(this.#pending);
        if (this.#state === "routed") return this.#send({ kind: "trailers", phase: "request" });
        throw this.#outOfOrder("request trailers");
      default:
        return assertNever(event);
    }
  }

  #onRequestHeaders(event: HostEvent & { kind: "headers" }): void {
    if (this.#state !== "awaiting-headers") throw this.#outOfOrder("request headers");
    const { limits, budget, newRequestId, policy } = this.#deps;
    const rules = { ...policy(), maxBytes: limits.bodyBytes, budget, newRequestId };
    const pending = PendingRequest.start(event.headers, rules);
    if (pending.kind === "reject") return this.#refuse(pending, false);
    this.#pending = pending;
    this.#state = "receiving";
    this.#deps.sweep.add(this);
    if (event.endOfStream) return this.#decide("headers", pending.completeWithoutBody());
    switch (this.#modes.requestBodyMode) {
      case "full-duplex-streamed":
        return;
      case "buffered":
      case "buffered-partial":
        // The host waits for this answer before it sends the body, which decides.
        return this.#send({ kind: "headers", phase: "request" });
      case "none":
      case "streamed":
      case "grpc":
        this.#deps.observer.degradedPick(this.#modes.requestBodyMode);
        return this.#decide("headers", pending.completeFromHeaders());
    }
  }

  #onRequestBody(body: Buffer, endOfStream: boolean): void {
    const { requestBodyMode } = this.#modes;
    // Decided at the headers: the host streams the body by itself and wants each piece waved through.
    const isWavedThrough = this.#state === "routed" && ["none", "streamed", "grpc"].includes(requestBodyMode);
    if (isWavedThrough) return this.#send({ kind: "body", phase: "request" });
    if (this.#pending === undefined || this.#state !== "receiving") throw this.#outOfOrder("request body");
    this.#lastMessageAtMs = this.#deps.clock.nowMs();
    const refusal = this.#pending.append(body);
    if (refusal !== undefined) return this.#refuse(refusal, false);
    if (requestBodyMode !== "full-duplex-streamed") this.#onBufferedBody(this.#pending, endOfStream);
    else if (endOfStream) this.#decide("body", this.#pending.complete());
  }

  /** A buffering host sends one body message, without the end mark when trailers follow or when it is only the body's beginning. */
  #onBufferedBody(pending: PendingRequest, endOfStream: boolean): void {
    const complete = pending.complete();
    const isCut = this.#modes.requestBodyMode === "buffered-partial" && !endOfStream && complete.kind === "reject";
    if (!isCut) return this.#decide("buffered-body", complete);
    this.#deps.observer.degradedPick("buffered-partial");
    this.#decide("buffered-body", pending.completeFromHeaders());
  }

  /** The trailers came before the body's end: they are the end. */
  #onEndOfBody(pending: PendingRequest): void {
    if (this.#modes.requestBodyMode === "full-duplex-streamed") return this.#decide("trailers", pending.complete());
    // The headers are answered already and no body is left to put the destination on.
    this.#refuse(reject("rejected-bad-request", "request has trailers and no body, expected a body"), false);
  }

  /** All that there is to know of the request is here: decide and answer. */
  #decide(end: DecisionPoint, complete: CompleteRequest | Reject): void {
    const pending = this.#pending as PendingRequest;
    const endedAtMs = this.#deps.clock.nowMs();
    if (complete.kind === "reject") return this.#refuse(complete, false);
    this.#request = complete.request;
    this.#labels = labelsOf(complete.request);
    const decision = this.#deps.route(complete.request, this.#metadata, this.#startedAtMs);
    if (decision.kind === "reject") return this.#refuse(decision, decision.isShed !== true);
    this.#forward(decision, complete, pending, end, endedAtMs);
  }

  #forward(
    decision: Forward,
    complete: CompleteRequest,
    pending: PendingRequest,
    end: DecisionPoint,
    endedAtMs: number,
  ): void {
    const { observer, clock } = this.#deps;
    this.#state = "routed";
    this.#dispatched = this.#deps.dispatched(decision);
    this.#request = withoutPrompt(complete.request);
    this.#dropPending();
    for (const message of forwardReply(decision, complete, pending.headers, end)) this.#send(message);
    observer.routed(this.#labels, complete.receivedBytes, clock.nowMs() - endedAtMs, decision.picked.endpoints[0]);
  }

  #refuse(refusal: Reject, attempted: boolean): void {
    this.#state = "refused";
    if (!attempted) this.#deps.unrouted?.(refusal, this.#pending?.requestId ?? "", this.#startedAtMs);
    this.#dropPending();
    this.#deps.observer.rejected(this.#labels, codeOf(refusal), attempted);
    this.#send(rejectReply(refusal));
    this.#finish();
  }

  #onResponse(event: Exclude<HostEvent, { kind: "unknown" }>): void {
    // A response before the request's end is the host's or the upstream's own: the request is not picked any more.
    if (this.#state !== "routed") this.#state = "unpicked";
    this.#dropPending();
    if (event.kind === "headers") return this.#onResponseHeaders(event);
    if (this.#relay === undefined) throw this.#outOfOrder(`response ${event.kind}`);
    if (event.kind === "body") return this.#onResponseBody(this.#relay, event.body, event.endOfStream);
    this.#complete(this.#relay, this.#relay.trailers());
  }

  #onResponseHeaders(event: HostEvent & { kind: "headers" }): void {
    if (this.#relay !== undefined) throw this.#outOfOrder("response headers");
    const relay = new ResponseRelay({
      targetModel: this.#request?.targetModel ?? "",
      model: this.#request?.model ?? "",
      streaming: this.#request?.streaming ?? false,
      dialect: this.#request === undefined ? "usage" : traitsOf(this.#request.kind).response,
      heldBytes: this.#deps.limits.heldResponseBytes,
      mode: this.#modes.responseBodyMode,
      budget: this.#deps.budget,
    });
    this.#relay = relay;
    const served = servedEndpoint(this.#responseMetadata);
    const answers = relay.headers(event.headers, () => this.#dispatched?.responded(served, relay.status) ?? []);
    if (event.endOfStream) this.#complete(relay, answers);
    else this.#sendAll(answers);
  }

  #onResponseBody(relay: ResponseRelay, body: Buffer, endOfStream: boolean): void {
    if (body.length > 0) this.#noteChunk(relay);
    const answers = relay.body(body, endOfStream);
    if (endOfStream) this.#complete(relay, answers);
    else this.#sendAll(answers);
  }

  #noteChunk(relay: ResponseRelay): void {
    const nowMs = this.#deps.clock.nowMs();
    if (this.#firstByteAtMs === undefined) {
      this.#firstByteAtMs = nowMs;
      this.#dispatched?.firstByte();
    }
    if (this.#lastChunkAtMs !== undefined && relay.isStreamed) {
      this.#deps.observer.chunk(this.#labels, nowMs - this.#lastChunkAtMs);
    }
    this.#lastChunkAtMs = nowMs;
  }

  /** The response has ended: sends its last answers, the very last with what plugins add. */
  #complete(relay: ResponseRelay, answers: readonly PickerMessage[]): void {
    if (this.#isCompleted) return this.#sendAll(answers);
    this.#isCompleted = true;
    const metadata = this.#dispatched?.completed(relay.status, relay.usage);
    this.#sendAll(metadata === undefined ? answers : withMetadata(answers, metadata));
    this.#releaseOnce("completed");
    this.#deps.observer.completed(this.#labels, {
      durationMs: this.#deps.clock.nowMs() - this.#startedAtMs,
      ttftMs: this.#firstByteAtMs === undefined ? undefined : this.#firstByteAtMs - this.#startedAtMs,
      responseBytes: relay.receivedBytes,
      streaming: relay.isStreamed,
      status: relay.status,
      promptTokens: relay.usage?.promptTokens,
      cachedTokens: relay.usage?.cachedTokens,
      outputTokens: relay.usage?.completionTokens,
    });
  }

  /** The request's bytes are needed no more. */
  #dropPending(): void {
    this.#deps.sweep.delete(this);
    this.#pending?.drop();
    this.#pending = undefined;
  }

  #releaseOnce(cause: EndCause): void {
    this.#dispatched?.release(cause);
    this.#dispatched = undefined;
  }

  #sendAll(messages: readonly PickerMessage[]): void {
    for (const message of messages) this.#send(message);
  }

  #outOfOrder(found: string): OutOfOrderError {
    return new OutOfOrderError(`Cannot take ${found}: the request is ${this.#state.replace("-", " ")}`);
  }
}

function labelsOf(request: InferenceRequest): RequestLabels {
  return {
    modelName: request.model,
    targetModelName: request.targetModel,
    fairnessId: request.fairnessId === "" ? defaultFlow : request.fairnessId,
    priority: request.priority,
  };
}

/** The answers, the last one with metadata. */
function withMetadata(answers: readonly PickerMessage[], metadata: ResponseMetadata): readonly PickerMessage[] {
  const last = answers.at(-1);
  if (last === undefined || last.kind === "immediate") return answers;
  return [...answers.slice(0, -1), { ...last, dynamicMetadata: copyOf(metadata) }];
}

function copyOf(metadata: ResponseMetadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).map(([namespace, values]) => [namespace, { ...values }]));
}
