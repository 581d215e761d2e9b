/** What a list links: it carries its own neighbours. */
export interface Listed<T> {
  /** Orders `insertByReadiness`. */
  readonly readyAtMs: number;
  previous: T | undefined;
  next: T | undefined;
}

/** A list of sequences linked through themselves: constant-time removal anywhere. A sequence is in one list at a time. */
export class SequenceList<T extends Listed<T>> {
  /** Set by the list alone, as is `last`. */
  first: T | undefined = undefined;
  last: T | undefined = undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds at the end. */
  push(sequence: T): void {
    this.#insert(sequence, this.last, undefined);
  }

  /** Adds at the front. */
  unshift(sequence: T): void {
    this.#insert(sequence, undefined, this.first);
  }

  /** Adds behind the last sequence that is ready no later. */
  insertByReadiness(sequence: T): void {
    let before = this.last;
    while (before !== undefined && before.readyAtMs > sequence.readyAtMs) before = before.previous;
    this.#insert(sequence, before, before === undefined ? this.first : before.next);
  }

  /** Takes a sequence out of this list. */
  remove(sequence: T): void {
    const { previous, next } = sequence;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    sequence.previous = undefined;
    sequence.next = undefined;
    this.#length--;
  }

  #insert(sequence: T, before: T | undefined, after: T | undefined): void {
    sequence.previous = before;
    sequence.next = after;
    if (before === undefined) this.first = sequence;
    else before.next = sequence;
    if (after === undefined) this.last = sequence;
    else after.previous = sequence;
    this.#length++;
  }
}
