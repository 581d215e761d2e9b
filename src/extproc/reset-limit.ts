import type { Server } from "@grpc/grpc-js";
import type { ServerInternals } from "./grpc-internals.ts";

/**
 * Node's HTTP/2 takes more than 33 RST_STREAM a second, after a burst of 1,000, for an attack and ends the connection; requests
 * on their way on it fail. But a reset is how Envoy ends ext_proc streams unless it is told otherwise (reliability 1.1). From
 * Node 22 on the limit can be lifted; what keeps opening and resetting streams then costs its own connection only.
 */
export const liftsResetLimit: boolean = Number(process.versions.node.split(".", 1)[0]) >= 22;

/** A limit that no connection comes near. */
const noLimit = 1_000_000_000;

/** Lifts the limit for a server that is not bound yet; Node 20 ignores the options. */
export function liftResetLimit(server: Server): void {
  const { commonServerOptions } = server as unknown as ServerInternals;
  if (typeof commonServerOptions !== "object") return;
  Object.assign(commonServerOptions, { streamResetBurst: noLimit, streamResetRate: noLimit });
}

/** What Node's limiter allows, and the share of it that a connection may use before it is replaced. */
const burst = 1000;
const perSecond = 33;
const replaceBelow = 300;

/** Time from the notice that a connection ends to its end, for streams that were on their way. */
export const retireGraceMs = 1000;

/** Keeps the books of Node's limiter for one connection. */
export class ResetAllowance {
  #tokens = burst;
  #filledAtMs: number | undefined;
  #isSpent = false;

  /** Counts one reset; true for the one with which the connection should be replaced, once. */
  isSpentBy(nowMs: number): boolean {
    const sinceMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(burst, this.#tokens + (sinceMs / 1000) * perSecond) - 1;
    if (this.#isSpent || this.#tokens >= replaceBelow) return false;
    this.#isSpent = true;
    return true;
  }
}
