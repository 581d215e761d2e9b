/** A run of numbers in a block that others share. */
export interface NumberSlice {
  readonly block: Float64Array;
  readonly offset: number;
}

/**
 * Room for many short runs of numbers that are given up oldest first. Runs share blocks, so that a run costs its numbers
 * and no array of its own; a block goes when the last run in it does.
 */
export class NumberArena {
  readonly #blockLength: number;
  #block = new Float64Array(0);
  #used = 0;

  /** `blockLength`: numbers in a block; the longer one run lives beyond its neighbours, the smaller it should be. */
  constructor(blockLength: number) {
    this.#blockLength = blockLength;
  }

  /** A run of `length` numbers, whatever they hold; `length` is a whole number of at least 0. */
  take(length: number): NumberSlice {
    if (this.#used + length > this.#block.length) {
      this.#block = new Float64Array(Math.max(this.#blockLength, length));
      this.#used = 0;
    }
    const slice = { block: this.#block, offset: this.#used };
    this.#used += length;
    return slice;
  }
}
