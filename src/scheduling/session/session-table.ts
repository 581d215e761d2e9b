import type { EndpointSpec } from "../../datastore/endpoint.ts";

/** Which endpoint a session is bound to. */
export interface SessionBinding {
  readonly id: string;
  readonly incarnation: string;
  /** When a request of the session was last dispatched, on the picker's monotonic clock. */
  readonly usedAtMs: number;
}

/**
 * Sessions and the endpoints that serve them: bounded, the session unused for longest goes first. There is no timer: callers
 * sweep with the time at hand.
 */
export class SessionTable {
  readonly #limit: number;
  /** From the session unused for longest to the one used last. */
  readonly #bindings = new Map<string, SessionBinding>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  /** `limit`: sessions kept, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Sessions kept. */
  get size(): number {
    return this.#bindings.size;
  }

  /** The binding of a session used within the last `ttlMs`; undefined when there is none. */
  find(session: string, nowMs: number, ttlMs: number): SessionBinding | undefined {
    const binding = this.#bindings.get(session);
    return binding !== undefined && nowMs - binding.usedAtMs <= ttlMs ? binding : undefined;
  }

  /** Binds a session, or notes that it was used. `nowMs` never goes back. */
  bind(session: string, { id, incarnation }: Pick<EndpointSpec, "id" | "incarnation">, nowMs: number): void {
    this.#bindings.delete(session);
    this.#bindings.set(session, { id, incarnation, usedAtMs: nowMs });
    if (this.#bindings.size <= this.#limit) return;
    const [oldest = session] = this.#bindings.keys();
    this.#bindings.delete(oldest);
  }

  /** Forgets what was not used within the last `ttlMs`, unless the last sweep was less than `everyMs` ago. */
  sweep(nowMs: number, ttlMs: number, everyMs: number): void {
    if (nowMs - this.#sweptAtMs < everyMs) return;
    this.#sweptAtMs = nowMs;
    for (const [session, { usedAtMs }] of this.#bindings) {
      if (nowMs - usedAtMs <= ttlMs) return;
      this.#bindings.delete(session);
    }
  }
}
