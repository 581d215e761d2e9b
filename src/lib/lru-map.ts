/** A map of bounded size that forgets the entry untouched for longest. */
export class LruMap<K, V> {
  readonly #limit: number;
  readonly #entries = new Map<K, V>();

  /** `limit`: entries kept, a whole number of at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Entries in the map. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, which becomes the newest; undefined when it is not there. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Sets a value and makes its key the newest; the oldest is forgotten when there are too many. Returns what was forgotten. */
  set(key: K, value: V): V | undefined {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return undefined;
    const oldest = this.#entries.keys().next().value as K;
    const forgotten = this.#entries.get(oldest);
    this.#entries.delete(oldest);
    return forgotten;
  }

  /** Forgets a key; false when it was not there. */
  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** Entries from oldest to newest. */
  entries(): MapIterator<[K, V]> {
    return this.#entries.entries();
  }
}
