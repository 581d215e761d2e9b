import { FinishHeap } from "./finish-heap.ts";
import type { MacroSequence } from "./macro-sequence.ts";

/**
 * The requests that get one token in every step. What they need and when they end is known for any number of steps ahead
 * without looking at each: a request that is `offset` tokens behind the count of steps stays so.
 */
export class DecodeSet {
  readonly #blockSize: number;
  /** Steps since the start. */
  #steps = 0;
  #count = 0;
  #offsets = 0;
  /** Decodes by the step, modulo the block size, in which they need a new block. */
  readonly #byPhase: Int32Array;
  readonly #heap = new FinishHeap();

  constructor(blockSizeTokens: number) {
    this.#blockSize = blockSizeTokens;
    this.#byPhase = new Int32Array(blockSizeTokens);
  }

  get count(): number {
    return this.#count;
  }

  /** Context tokens that the next step reads, the new ones included. */
  get contextTokens(): number {
    return this.#count * (this.#steps + 1) - this.#offsets;
  }

  /** Steps until the first request has its last token, at least 1; Infinity without one. */
  get stepsToFinish(): number {
    return (this.#heap.first?.lastStep ?? Number.POSITIVE_INFINITY) - this.#steps;
  }

  /** Takes a request in whose newest token is the only one that is not computed. */
  add(sequence: MacroSequence): void {
    const { promptTokens, outputTokens } = sequence.request;
    sequence.isDecoding = true;
    sequence.offset = this.#steps - sequence.computed;
    sequence.lastStep = sequence.offset + promptTokens + outputTokens - 1;
    this.#count++;
    this.#offsets += sequence.offset;
    this.#countPhase(sequence, 1);
    this.#heap.add(sequence);
  }

  /** Takes a request out and writes down how far it came. */
  remove(sequence: MacroSequence): void {
    sequence.computed = this.computedBy(sequence);
    sequence.generated = sequence.computed - sequence.request.promptTokens + 1;
    sequence.held = Math.ceil(sequence.computed / this.#blockSize);
    sequence.isDecoding = false;
    this.#count--;
    this.#offsets -= sequence.offset;
    this.#countPhase(sequence, -1);
    this.#heap.remove(sequence);
  }

  /** Tokens of `sequence` that are computed now. */
  computedBy(sequence: MacroSequence): number {
    return this.#steps - sequence.offset;
  }

  /** A request that has its last token, taken out; undefined when none has. */
  takeFinished(): MacroSequence | undefined {
    const { first } = this.#heap;
    if (first === undefined || first.lastStep > this.#steps) return undefined;
    this.remove(first);
    return first;
  }

  /** Goes on by `steps` steps, which is no more than `stepsToFinish`. */
  advance(steps: number): void {
    this.#steps += steps;
  }

  /** New blocks that the steps from the one `from` steps ahead up to the one before `until` need; 0 is the next step. */
  blocksNeeded(from: number, until: number): number {
    const steps = until - from;
    let blocks = Math.floor(steps / this.#blockSize) * this.#count;
    for (let step = from + steps - (steps % this.#blockSize); step < until; step++) blocks += this.#phaseAt(step);
    return blocks;
  }

  /** Most steps for which `free` blocks suffice, the next one's being allocated already. */
  stepsWithin(free: number): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    const rounds = Math.floor(free / this.#count);
    let left = free - rounds * this.#count;
    let steps = 1 + rounds * this.#blockSize;
    for (;;) {
      left -= this.#phaseAt(steps);
      if (left < 0) return steps;
      steps++;
    }
  }

  #phaseAt(step: number): number {
    return this.#byPhase[(this.#steps + step) % this.#blockSize] as number;
  }

  #countPhase({ offset }: MacroSequence, by: number): void {
    const phase = ((offset % this.#blockSize) + this.#blockSize) % this.#blockSize;
    this.#byPhase[phase] = (this.#byPhase[phase] as number) + by;
  }
}
