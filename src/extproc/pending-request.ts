import { traitsOf } from "../request/apis.ts";
import { createBodyReader } from "../request/body-reader.ts";
import { type ControlHeaders, readControlHeaders, requestPath } from "../request/control-headers.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { BodyReader, ReadBody } from "../request/parsed-body.ts";
import { spliceModel } from "../request/splice-model.ts";
import { type Reject, reject } from "../routing/decision.ts";
import { BodyBuffer } from "./body-buffer.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { HeaderList } from "./header-list.ts";

/** A request whose last byte has arrived, ready to be decided. */
export interface CompleteRequest {
  readonly kind: "complete";
  readonly request: InferenceRequest;
  /** The body to forward: the client's bytes, the model's value replaced where a rewrite is in force. */
  readonly body: readonly Uint8Array[];
  readonly bodyBytes: number;
  /** The body to forward differs from what the client sent. */
  readonly isRewritten: boolean;
  /** Bytes that the client sent. */
  readonly receivedBytes: number;
}

/** What holds for every request. */
export interface RequestRules {
  /** Largest body in bytes. */
  readonly maxBytes: number;
  readonly budget: ByteBudget;
  /** Types of the configured request parsers. */
  readonly parsers: readonly string[];
  /** Names of headers that plugins read, in lower case. */
  readonly pluginHeaders: readonly string[];
  /** Priority of an objective by its name, which may be "". */
  readonly priorityOf: (objective: string) => number;
  /**
   * The model that a rule of the pool chooses for a request whose body names `model` ("" when it names none); undefined when
   * there is no such rule. Called once a request at most, since the choice may be random.
   */
  readonly rewriteModel: (model: string) => string | undefined;
  /** Called when the client sent no id. */
  readonly newRequestId: () => string;
}

/** Most characters that a refusal repeats of what a client wrote. */
const maxShownLength = 100;

/** The first coding of a body that is not "identity", lower-cased; headers may be repeated and hold lists. */
function codingOf(headers: HeaderList): string | undefined {
  if (!headers.has("content-encoding")) return undefined;
  const codings = headers.all("content-encoding").flatMap((value) => value.toLowerCase().split(","));
  return codings.map((coding) => coding.trim()).find((coding) => coding !== "" && coding !== "identity");
}

/** Collects one request from headers to last byte: reads what scheduling needs on the way and keeps the bytes. */
export class PendingRequest {
  readonly kind = "pending";
  readonly headers: HeaderList;
  readonly #control: ControlHeaders;
  readonly #body = new BodyBuffer();
  readonly #reader: BodyReader;
  readonly #rules: RequestRules;
  readonly #requestId: string;
  /** The body's coding that keeps it from being read; undefined without one, and where nobody reads it. */
  readonly #coding: string | undefined;

  private constructor(headers: HeaderList, control: ControlHeaders, reader: BodyReader, rules: RequestRules) {
    this.headers = headers;
    this.#control = control;
    this.#reader = reader;
    this.#rules = rules;
    this.#requestId = control.requestId === "" ? rules.newRequestId() : control.requestId;
    this.#coding = traitsOf(reader.api).isRequestOpaque ? undefined : codingOf(headers);
  }

  /** Starts with the headers; refused when a control header is unusable or no parser takes the path. */
  static start(headers: HeaderList, rules: RequestRules): PendingRequest | Reject {
    const lookup = (name: string): string | undefined => headers.get(name);
    const control = readControlHeaders(lookup);
    if (control.kind === "invalid") return reject("rejected-bad-request", control.message);
    const path = requestPath(lookup);
    const reader = createBodyReader(path, rules.parsers);
    if (reader !== undefined) return new PendingRequest(headers, control, reader, rules);
    return reject(
      "rejected-bad-request",
      `no parser registered matching path suffix for: ${path.slice(0, maxShownLength)}`,
    );
  }

  /** The id that the client sent or that was made for it. */
  get requestId(): string {
    return this.#requestId;
  }

  /** Takes the next bytes of the body; refuses once they are too many, no valid body or in an encoding that cannot be read. */
  append(chunk: Uint8Array): Reject | undefined {
    const { maxBytes, budget } = this.#rules;
    if (this.#body.length + chunk.length > maxBytes) {
      return reject("rejected-body-too-large", `request body is larger than ${maxBytes} bytes`);
    }
    if (!budget.take(chunk.length)) {
      return reject("rejected-overloaded", `request bodies hold more than ${budget.limitBytes} bytes`);
    }
    this.#body.append(chunk);
    const encoded = this.#refuseEncoding();
    if (encoded !== undefined) return encoded;
    return this.#reader.push(chunk) ? undefined : this.#refuseBody();
  }

  /** Gives back what the body took of the budget; the request is over or on its way. To be called once. */
  drop(): void {
    this.#rules.budget.release(this.#body.length);
  }

  /** The request without a body, as a GET has it. */
  completeWithoutBody(): CompleteRequest {
    return {
      kind: "complete",
      request: { ...this.#unread(), kind: "headers-only" },
      body: [],
      bodyBytes: 0,
      isRewritten: false,
      receivedBytes: 0,
    };
  }

  /** The request as far as its headers tell, for hosts that keep the body to themselves. */
  completeFromHeaders(): CompleteRequest {
    return { kind: "complete", request: this.#unread(), body: [], bodyBytes: 0, isRewritten: false, receivedBytes: 0 };
  }

  /** The whole request after its last byte, or why it is refused. */
  complete(): CompleteRequest | Reject {
    const refusal = this.#refuseEncoding();
    if (refusal !== undefined) return refusal;
    const parsed = this.#reader.end();
    if (parsed.kind === "invalid") return reject("rejected-bad-request", parsed.message);
    const canRename = traitsOf(parsed.api).modelRewrite === "supported";
    const model = canRename ? parsed.model : "";
    const targetModel = this.#targetModel(model, canRename);
    if (canRename && targetModel === "") return reject("rejected-bad-request", "model not found in request body");
    const isRewritten = canRename && targetModel !== model;
    const { chunks, length: receivedBytes } = this.#body;
    const body = isRewritten ? spliceModel(chunks, parsed.modelRange, targetModel) : chunks;
    const bodyBytes = isRewritten ? body.reduce((sum, chunk) => sum + chunk.length, 0) : receivedBytes;
    const request = this.#read({ ...parsed, model }, targetModel);
    return { kind: "complete", request, body, bodyBytes, isRewritten, receivedBytes };
  }

  /** A rule for the body's model wins over the rewrite header, that over the body; APIs that cannot rename skip rules (protocol 3.5). */
  #targetModel(model: string, canRename: boolean): string {
    const asked = this.#control.modelRewrite === "" ? model : this.#control.modelRewrite;
    return (canRename ? this.#rules.rewriteModel(model) : undefined) ?? asked;
  }

  /** Bodies that somebody reads must come as they are. */
  #refuseEncoding(): Reject | undefined {
    if (this.#coding === undefined) return undefined;
    const found = JSON.stringify(this.#coding.slice(0, maxShownLength));
    return reject("rejected-unsupported-encoding", `request body is encoded with ${found}, expected identity`);
  }

  /** Called when the reader takes no more. */
  #refuseBody(): Reject | undefined {
    const parsed = this.#reader.end();
    return parsed.kind === "invalid" ? reject("rejected-bad-request", parsed.message) : undefined;
  }

  #read(parsed: ReadBody, targetModel: string): InferenceRequest {
    const { api, model, streaming, maxOutputTokens, prompt, promptBytes, segments, cacheSalt } = parsed;
    const content = { model, targetModel, streaming, maxOutputTokens, prompt, promptBytes, segments, cacheSalt };
    return { ...this.#unread(), ...content, kind: api };
  }

  /** What the headers alone say. */
  #unread(): InferenceRequest {
    return {
      kind: "passthrough",
      model: "",
      targetModel: "",
      streaming: false,
      maxOutputTokens: undefined,
      prompt: new Uint8Array(0),
      promptBytes: 0,
      segments: [],
      cacheSalt: "",
      onlyIfCached: this.#control.onlyIfCached,
      objective: this.#control.objective,
      priority: this.#rules.priorityOf(this.#control.objective),
      headers: this.#pluginHeaders(),
      fairnessId: this.#control.fairnessId,
      requestId: this.#requestId,
    };
  }

  #pluginHeaders(): Readonly<Record<string, string>> {
    const read: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const name of this.#rules.pluginHeaders) {
      const value = this.headers.get(name);
      if (value !== undefined) read[name] = value;
    }
    return read;
  }
}
