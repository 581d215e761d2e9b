/** Where bytes of a scanned body go: called with slices that are only valid during the call. */
export interface ByteTarget {
  append(source: Uint8Array, from: number, to: number): void;
}

const firstCapacity = 256;

/**
 * Collects bytes up to a cap and counts what comes after it, so that a long prompt costs bounded memory. Grows by
 * doubling; nothing is allocated before the first byte.
 */
export class ByteSink implements ByteTarget {
  readonly #cap: number;
  #bytes: Buffer = Buffer.alloc(0);
  #total = 0;

  /** `capBytes`: how many bytes are kept, at least 0. */
  constructor(capBytes: number) {
    this.#cap = capBytes;
  }

  /** Bytes appended, also beyond the cap. */
  get total(): number {
    return this.#total;
  }

  /** Bytes held: the smaller of `total` and the cap. */
  get kept(): number {
    return Math.min(this.#total, this.#cap);
  }

  append(source: Uint8Array, from: number, to: number): void {
    const start = this.#total;
    this.#total += to - from;
    if (start >= this.#cap) return;
    const end = Math.min(from + (this.#cap - start), to);
    this.#reserve(start + (end - from));
    copyBytes(source, from, end, this.#bytes, start);
  }

  /** Puts `source` before the byte at `at` (0 to `total`); what moves beyond the cap is only counted. */
  insert(at: number, source: Uint8Array): void {
    const kept = this.kept;
    this.#total += source.length;
    if (at >= this.#cap) return;
    this.#reserve(this.kept);
    const room = this.kept - at;
    const moved = Math.min(kept, this.kept - source.length) - at;
    if (moved > 0) this.#bytes.copyWithin(at + source.length, at, at + moved);
    copyBytes(source, 0, Math.min(source.length, room), this.#bytes, at);
  }

  /** Puts all that `other` counted before the first byte. Its cap must be the same. */
  prepend(other: ByteSink): void {
    const beyond = other.total - other.kept;
    this.insert(0, other.view());
    this.#total += beyond;
  }

  /** Forgets everything from `total` on (0 to the present total). */
  truncate(total: number): void {
    this.#total = total;
  }

  /** The kept bytes without a copy, valid until the next change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.kept);
  }

  /** The kept bytes in an array of their own, of exactly that size. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.view());
  }

  /** The kept bytes read as UTF-8. */
  text(): string {
    return this.#bytes.toString("utf8", 0, this.kept);
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#cap, Math.max(size, this.#bytes.length * 2, firstCapacity)));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}

/** Below this length a loop beats the call of `set` and the view it needs. */
const loopBytes = 48;

/** Copies `source[from, to)` to `target` at `at`. */
export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > loopBytes) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[i] as number;
}
