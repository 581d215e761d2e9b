/** Bytes that all open streams of a process may hold together. */
export class ByteBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes `bytes`; false, with nothing taken, when they do not fit. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes `bytes` that are there already and cannot be refused any more, beyond the limit if need be. */
  hold(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Gives back what was taken. */
  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
