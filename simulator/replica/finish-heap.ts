import type { MacroSequence } from "./macro-sequence.ts";

/** Decodes by the step that gives their last token, earliest first. A sequence knows its place, so that any can leave. */
export class FinishHeap {
  readonly #heap: MacroSequence[] = [];

  /** The sequence that ends first, undefined when there is none. */
  get first(): MacroSequence | undefined {
    return this.#heap[0];
  }

  add(sequence: MacroSequence): void {
    this.#heap.push(sequence);
    this.#rise(sequence, this.#heap.length - 1);
  }

  remove(sequence: MacroSequence): void {
    const last = this.#heap.pop();
    const at = sequence.heapAt;
    sequence.heapAt = -1;
    if (last === undefined || last === sequence) return;
    this.#rise(last, at);
    this.#sink(last, last.heapAt);
  }

  #rise(sequence: MacroSequence, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = this.#heap[(at - 1) >> 1] as MacroSequence;
      if (parent.lastStep <= sequence.lastStep) break;
      this.#put(parent, at);
      at = (at - 1) >> 1;
    }
    this.#put(sequence, at);
  }

  #sink(sequence: MacroSequence, from: number): void {
    let at = from;
    for (;;) {
      const child = this.#smallerChild(at);
      if (child === undefined || child.lastStep >= sequence.lastStep) break;
      const childAt = child.heapAt;
      this.#put(child, at);
      at = childAt;
    }
    this.#put(sequence, at);
  }

  #smallerChild(at: number): MacroSequence | undefined {
    const left = this.#heap[2 * at + 1];
    const right = this.#heap[2 * at + 2];
    if (left === undefined || right === undefined) return left;
    return right.lastStep < left.lastStep ? right : left;
  }

  #put(sequence: MacroSequence, at: number): void {
    this.#heap[at] = sequence;
    sequence.heapAt = at;
  }
}
