import type { ServerResponse } from "node:http";
import type { Clock } from "../../src/lib/clock.ts";
import type { Random } from "../../src/lib/random.ts";
import type { ReplicaConfig } from "../replica/config.ts";
import type { ReplicaEvent } from "../replica/events.ts";
import type { ReplicaLoad } from "../replica/load.ts";
import { createReplica } from "../replica/replica.ts";
import { type ApiError, badRequest, unknownModel } from "./api-error.ts";
import { blockHashes } from "./block-hash.ts";
import type { CompletionRequest } from "./completion-request.ts";
import { Engine } from "./engine.ts";
import { MetricsPage } from "./metrics-page.ts";
import { bytesPerToken, outputText } from "./output-text.ts";
import { type Reply, startCompleteReply, startStreamedReply } from "./reply-stream.ts";

/** Names an emulated server answers to. */
export interface EmulatedModels {
  /** The base model. */
  readonly base: string;
  /** LoRA adapters, each asked for as a model of its own. */
  readonly adapters: readonly string[];
}

/** What a model service needs. */
export interface ModelServiceOptions {
  readonly config: ReplicaConfig;
  readonly models: EmulatedModels;
  readonly clock: Clock;
  readonly random: Random;
}

/** One model server behind its HTTP paths: prompts to block hashes, an engine, answers, metrics. */
export class ModelService {
  readonly models: EmulatedModels;
  readonly config: ReplicaConfig;
  readonly engine: Engine;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #metrics: MetricsPage;
  readonly #adapters: ReadonlySet<string>;
  #nextId = 1;
  #acceptedRequests = 0;

  constructor({ config, models, clock, random }: ModelServiceOptions) {
    this.config = config;
    this.models = models;
    this.#clock = clock;
    this.#random = random;
    this.#metrics = new MetricsPage(models.base, config);
    this.#adapters = new Set(models.adapters);
    this.engine = new Engine(createReplica(config), clock, (tokens) => this.#metrics.stepped(tokens));
  }

  /** Requests that were given to the engine. */
  get acceptedRequests(): number {
    return this.#acceptedRequests;
  }

  /** Load now. */
  load(): ReplicaLoad {
    return this.engine.load();
  }

  /** The `/metrics` page, with the load as it was when the last step ended. */
  metricsPage(): Buffer {
    return this.#metrics.render(this.engine.loadAtLastStep(), this.#clock.wallMs());
  }

  /**
   * Answers `request` on `response`, token by token; an ApiError when it cannot be served, and then nothing was written. A
   * client that goes away ends the request. `requestId` is the client's, undefined for one of our own.
   */
  complete(request: CompletionRequest, response: ServerResponse, requestId: string | undefined): ApiError | undefined {
    const adapter = this.#adapters.has(request.model) ? request.model : undefined;
    if (adapter === undefined && request.model !== this.models.base) return unknownModel(request.model);
    const promptTokens = Math.max(1, Math.ceil(Buffer.byteLength(request.prompt) / bytesPerToken));
    if (promptTokens + request.maxTokens > this.config.maxModelTokens) return this.#tooLong(promptTokens, request);
    const id = this.#nextId++;
    const firstWord = request.prompt.length + promptTokens;
    const source = { request, identity: this.#identify(request, requestId), promptTokens, firstWord };
    const reply = request.isStreamed ? startStreamedReply(response, source) : startCompleteReply(response, source);
    response.on("close", () => {
      if (!response.writableEnded) this.#abort(id);
    });
    const submitted = {
      id,
      promptTokens,
      outputTokens: request.maxTokens,
      blockHashes: this.#hash(request, adapter, firstWord),
      adapter,
    };
    this.#acceptedRequests++;
    this.engine.generate(submitted, this.#observe(reply, promptTokens));
    return undefined;
  }

  #tooLong(promptTokens: number, { maxTokens }: CompletionRequest): ApiError {
    return badRequest(
      `This model's maximum context length is ${this.config.maxModelTokens} tokens. However, you requested ` +
        `${promptTokens + maxTokens} tokens (${promptTokens} in the messages, ${maxTokens} in the completion).`,
    );
  }

  /** Hashes prompt and output together, so that a conversation sent back with its answers finds those in the cache too. */
  #hash(request: CompletionRequest, adapter: string | undefined, firstWord: number): Float64Array {
    const text = request.prompt + outputText(firstWord, request.maxTokens);
    return blockHashes(text, this.config.blockSizeTokens * bytesPerToken, `${adapter ?? ""}\n${request.cacheSalt}`);
  }

  #identify(request: CompletionRequest, requestId: string | undefined): { id: string; created: number; model: string } {
    const prefix = request.api === "completions" ? "cmpl" : "chatcmpl";
    const id =
      requestId ??
      Math.floor(this.#random() * 2 ** 52)
        .toString(16)
        .padStart(13, "0");
    return { id: `${prefix}-${id}`, created: Math.floor(this.#clock.wallMs() / 1000), model: request.model };
  }

  #abort(id: number): void {
    this.engine.cancel(id);
    this.#metrics.aborted();
  }

  #observe(reply: Reply, promptTokens: number): (event: ReplicaEvent, atMs: number) => void {
    const arrivedAtMs = this.#clock.nowMs();
    let firstTokenAtMs = 0;
    let previousAtMs = 0;
    return (event, atMs) => {
      if (event.index === 0) {
        firstTokenAtMs = atMs;
        this.#metrics.firstToken(atMs - arrivedAtMs);
      } else {
        this.#metrics.tokenGap(atMs - previousAtMs);
      }
      previousAtMs = atMs;
      if (event.isLast) {
        const { scheduledAtMs, index } = event;
        const outputTokens = index + 1;
        const finishedAtMs = atMs;
        this.#metrics.finished({
          arrivedAtMs,
          scheduledAtMs,
          firstTokenAtMs,
          finishedAtMs,
          promptTokens,
          outputTokens,
        });
      }
      reply.token(event);
    };
  }
}
