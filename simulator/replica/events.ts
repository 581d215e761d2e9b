import type { Sequence } from "./sequence.ts";

/** What a step did to one request. */
export interface ReplicaEvent {
  /** `preempted`: its blocks went to others and it waits again; its next token comes after a recompute. */
  kind: "token" | "preempted";
  id: number;
  /** Token: its place in the output, from 0. Preempted: tokens generated so far. */
  index: number;
  /** The token is the request's last one. */
  isLast: boolean;
  /** Prompt tokens that came from the prefix cache at the first admission. */
  cachedTokens: number;
  /** First admission to the batch, model ms. */
  scheduledAtMs: number;
}

/** Events of one step, in objects that the next step writes over. */
export class EventBuffer {
  readonly #pool: ReplicaEvent[] = [];
  readonly #events: ReplicaEvent[] = [];
  #isTaken = false;

  /** Events since the last `take`. */
  get count(): number {
    return this.#isTaken ? 0 : this.#events.length;
  }

  token(sequence: Sequence, isLast: boolean): void {
    this.#add("token", sequence, sequence.generated - 1, isLast);
  }

  preempted(sequence: Sequence): void {
    this.#add("preempted", sequence, sequence.generated, false);
  }

  /** The events so far; they stay valid until the next one is added. */
  take(): readonly ReplicaEvent[] {
    if (this.#isTaken) this.#events.length = 0;
    this.#isTaken = true;
    return this.#events;
  }

  #add(kind: ReplicaEvent["kind"], sequence: Sequence, index: number, isLast: boolean): void {
    if (this.#isTaken) {
      this.#events.length = 0;
      this.#isTaken = false;
    }
    const event = this.#reuse();
    event.kind = kind;
    event.id = sequence.request.id;
    event.index = index;
    event.isLast = isLast;
    event.cachedTokens = sequence.cachedTokens;
    event.scheduledAtMs = sequence.scheduledAtMs;
    this.#events.push(event);
  }

  #reuse(): ReplicaEvent {
    const event = this.#pool[this.#events.length];
    if (event !== undefined) return event;
    const fresh: ReplicaEvent = { kind: "token", id: 0, index: 0, isLast: false, cachedTokens: 0, scheduledAtMs: 0 };
    this.#pool.push(fresh);
    return fresh;
  }
}
