import { WaitingAdapters } from "./load.ts";
import type { MacroSequence } from "./macro-sequence.ts";
import { SequenceList } from "./sequence-list.ts";

/** Requests before they are in the batch: on their way, then in the queue. */
export class MacroQueue {
  /** On their way, by readiness. */
  readonly #arriving = new SequenceList<MacroSequence>();
  readonly #waiting = new SequenceList<MacroSequence>();
  readonly #adapters = new WaitingAdapters();

  /** The head of the queue. */
  get first(): MacroSequence | undefined {
    return this.#waiting.first;
  }

  /** Requests in the queue. */
  get length(): number {
    return this.#waiting.length;
  }

  /** When the next request comes to the queue; Infinity when none is on its way. */
  get nextArrivalMs(): number {
    return this.#arriving.first?.readyAtMs ?? Number.POSITIVE_INFINITY;
  }

  submit(sequence: MacroSequence): void {
    this.#arriving.insertByReadiness(sequence);
  }

  /** Moves those that are ready at `nowMs` to the queue. */
  arrive(nowMs: number): void {
    let first = this.#arriving.first;
    while (first !== undefined && first.readyAtMs <= nowMs) {
      this.#arriving.remove(first);
      first.state = "waiting";
      this.#waiting.push(first);
      this.#adapters.add(first.request.adapter);
      first = this.#arriving.first;
    }
  }

  /** Puts a preempted request at the head. */
  putBack(sequence: MacroSequence): void {
    sequence.state = "waiting";
    this.#waiting.unshift(sequence);
    this.#adapters.add(sequence.request.adapter);
  }

  /** Takes a request out, wherever it is. */
  remove(sequence: MacroSequence): void {
    if (sequence.state === "arriving") {
      this.#arriving.remove(sequence);
      return;
    }
    this.#waiting.remove(sequence);
    this.#adapters.remove(sequence.request.adapter);
  }

  /** Length and adapters, sorted, of the queue once those ready at `atMs` have come; they are not moved. */
  stateAt(atMs: number): { readonly length: number; readonly adapters: readonly string[] } {
    let length = this.#waiting.length;
    let adapters: readonly string[] = this.#adapters.names();
    for (let next = this.#arriving.first; next !== undefined && next.readyAtMs <= atMs; next = next.next) {
      length++;
      const { adapter } = next.request;
      if (adapter !== undefined && !adapters.includes(adapter)) adapters = [...adapters, adapter].sort();
    }
    return { length, adapters };
  }
}
