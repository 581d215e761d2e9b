import type { ResponseDialect } from "../request/apis.ts";
import { ModelRestorer } from "../request/restore-model.ts";
import { createUsageReader, type Usage, type UsageReader } from "../request/response-usage.ts";
import type { HeaderPairs } from "../scheduling/roles.ts";
import { BodyBuffer } from "./body-buffer.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { HeaderList } from "./header-list.ts";
import type { BodyMode, PickerMessage } from "./messages.ts";
import { bodyReply, responseHeadersReply } from "./reply.ts";

/** What the response's way depends on. */
export interface RelayOptions {
  /** Model name in the response and the name that the client asked for; equal or empty: nothing to restore. */
  readonly targetModel: string;
  readonly model: string;
  /** The request asked for a streamed answer. */
  readonly streaming: boolean;
  /** Where the body says what was used; an opaque one is relayed as it comes, never read. */
  readonly dialect: ResponseDialect;
  /** Largest body held back in bytes. */
  readonly heldBytes: number;
  /** How the host sends the response's body. */
  readonly mode: BodyMode;
  readonly budget: ByteBudget;
}

/**
 * Passes the response on: chunk by chunk when it is streamed, whole at its end otherwise (protocol 1.2, rows 6s and 6b).
 * Reads usage on the way and puts the model's name back that the client knows.
 */
export class ResponseRelay {
  readonly #options: RelayOptions;
  #held = new BodyBuffer();
  #restorer: ModelRestorer | undefined;
  #usage: UsageReader | undefined;
  #isRelayed = true;
  /** HTTP status of the response; undefined when the host did not say. */
  status: number | undefined;
  /** Bytes that the model server sent. */
  receivedBytes = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** The answer goes chunk by chunk. */
  get isStreamed(): boolean {
    return this.#isRelayed && this.#options.dialect !== "opaque";
  }

  /** Usage that the response reported so far. */
  get usage(): Usage | undefined {
    return this.#usage?.usage;
  }

  /** Answers the response's headers; what `added` says once the status is known is set on them. */
  headers(headers: HeaderList, added: () => HeaderPairs): PickerMessage[] {
    // Hosts send :status; the reference picker's tests send status.
    const status = Number(headers.get(":status") ?? headers.get("status"));
    this.status = Number.isInteger(status) ? status : undefined;
    const { dialect, streaming, targetModel, model } = this.#options;
    if (dialect === "opaque") return [responseHeadersReply(false, added())];
    const contentType = headers.get("content-type")?.toLowerCase() ?? "";
    const isEventStream = contentType.includes("text/event-stream");
    this.#isRelayed = streaming || isEventStream || contentType.startsWith("application/grpc");
    this.#usage = createUsageReader(dialect, isEventStream ? "sse" : "json");
    this.#restorer = new ModelRestorer(targetModel, model);
    return [responseHeadersReply(this.#restorer.isActive, added())];
  }

  body(chunk: Buffer, endOfStream: boolean): PickerMessage[] {
    this.receivedBytes += chunk.length;
    this.#usage?.push(chunk);
    if (endOfStream) this.#usage?.end();
    if (this.#options.mode !== "full-duplex-streamed") return [this.#answerInPlace(chunk)];
    if (!this.#isRelayed) return this.#hold(chunk, endOfStream);
    return [{ kind: "streamed-body", phase: "response", body: this.#restored(chunk, endOfStream), endOfStream }];
  }

  /** Gives back what is held of the budget; nothing is held afterwards. */
  drop(): void {
    this.#options.budget.release(this.#held.length);
    this.#held = new BodyBuffer();
  }

  trailers(): PickerMessage[] {
    this.#usage?.end();
    if (this.#options.mode !== "full-duplex-streamed") return [{ kind: "trailers", phase: "response" }];
    const rest: Uint8Array[] = this.#isRelayed ? [] : [...this.#held.chunks];
    const tail = this.#restored(Buffer.alloc(0), true);
    if (tail.length > 0) rest.push(tail);
    this.drop();
    const body = rest.length > 0 ? bodyReply("response", rest, false) : [];
    return [...body, { kind: "trailers", phase: "response" }];
  }

  /**
   * The host keeps the body and takes one answer for each piece of it: only a changed piece is sent back. Nothing is held
   * back for the next piece, since after the last one no answer is left to carry it.
   */
  #answerInPlace(chunk: Buffer): PickerMessage {
    if (this.#restorer === undefined || !this.#restorer.isActive) return { kind: "body", phase: "response" };
    const body = Buffer.concat([this.#restorer.push(chunk), this.#restorer.end()]);
    return body.equals(chunk) ? { kind: "body", phase: "response" } : { kind: "body", phase: "response", body };
  }

  #hold(chunk: Buffer, endOfStream: boolean): PickerMessage[] {
    const piece = this.#restored(chunk, endOfStream);
    const { heldBytes, budget } = this.#options;
    const fits = this.#held.length + piece.length <= heldBytes && budget.take(piece.length);
    if (fits) this.#held.append(piece);
    if (fits && !endOfStream) return [];
    // At its end, or too long to hold back: what is here goes out now, and the rest, if any, as it comes.
    const chunks = fits ? this.#held.chunks : [...this.#held.chunks, piece];
    this.#isRelayed = true;
    this.drop();
    return bodyReply("response", chunks, endOfStream);
  }

  #restored(chunk: Buffer, endOfStream: boolean): Uint8Array {
    if (this.#restorer === undefined || !this.#restorer.isActive) return chunk;
    const restored = this.#restorer.push(chunk);
    if (!endOfStream) return restored;
    const rest = this.#restorer.end();
    return rest.length === 0 ? restored : Buffer.concat([restored, rest]);
  }
}
