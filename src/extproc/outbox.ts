import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock } from "../lib/clock.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { isClosed, resetStream } from "./grpc-internals.ts";
import type { ExchangeLimits } from "./limits.ts";
import type { PickerMessage } from "./messages.ts";
import type { ExchangeObserver } from "./observer.ts";
import type { Receiving, ReceivingSweep } from "./receiving-sweep.ts";

/** What an outbox shares with its exchange. */
export interface OutboxDeps {
  readonly clock: Clock;
  readonly limits: ExchangeLimits;
  readonly budget: ByteBudget;
  readonly sweep: ReceivingSweep;
  readonly observer: ExchangeObserver;
}

/**
 * The answers of one stream that the host has not taken yet (reliability F61). Their bodies count in the budget, beyond its
 * limit if need be; while they are many, nothing more is read from the host; a stream whose host takes none of them for as
 * long as a body may take is cut.
 */
export class Outbox implements Receiving {
  readonly #call: ServerDuplexStream<unknown, PickerMessage>;
  readonly #deps: OutboxDeps;
  #waiting = 0;
  #heldBytes = 0;
  #progressAtMs = 0;

  constructor(call: ServerDuplexStream<unknown, PickerMessage>, deps: OutboxDeps) {
    this.#call = call;
    this.#deps = deps;
    call.on("drain", () => call.resume());
    for (const event of ["cancelled", "close", "finish"]) call.on(event, () => this.#drop());
    // A reset without an error, as Envoy's are, looks like an orderly end of what the host says, and no close follows.
    call.on("end", () => {
      if (isClosed(call)) this.#cut();
    });
  }

  send(message: PickerMessage): void {
    const bytes = bodyBytes(message);
    if (this.#waiting++ === 0) {
      this.#progressAtMs = this.#deps.clock.nowMs();
      this.#deps.sweep.add(this);
    }
    this.#heldBytes += bytes;
    this.#deps.budget.hold(bytes);
    if (!this.#call.write(message, () => this.#taken(bytes))) this.#call.pause();
  }

  checkDeadline(nowMs: number): void {
    if (nowMs - this.#progressAtMs <= this.#deps.limits.bodyDeadlineMs) return;
    this.#deps.observer.illegalMessage("unread-answers");
    this.#cut();
  }

  #cut(): void {
    this.#drop();
    resetStream(this.#call);
  }

  #taken(bytes: number): void {
    // What was dropped before is given back already.
    if (this.#waiting === 0) return;
    this.#progressAtMs = this.#deps.clock.nowMs();
    this.#heldBytes -= bytes;
    this.#deps.budget.release(bytes);
    if (--this.#waiting === 0) this.#deps.sweep.delete(this);
  }

  #drop(): void {
    this.#deps.budget.release(this.#heldBytes);
    this.#heldBytes = 0;
    this.#waiting = 0;
    this.#deps.sweep.delete(this);
  }
}

function bodyBytes(message: PickerMessage): number {
  return message.kind === "streamed-body" || message.kind === "body" ? (message.body?.length ?? 0) : 0;
}
