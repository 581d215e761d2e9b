import { identityOf, type ObjectIdentity } from "./kubernetes-object.ts";
import type { ObjectSink } from "./object-sink.ts";

/** One object as it is known. */
export interface KnownObject<T> extends ObjectIdentity {
  readonly value: T;
}

/** All objects of a kind at one resource version, by key. */
export type ObjectSet<T> = ReadonlyMap<string, KnownObject<T>>;

/** What is known of one kind; tells its sink of every change, in order. */
export class KnownObjects<T> {
  readonly #sink: ObjectSink<T>;
  readonly #project: (object: unknown) => T;
  readonly #onUnreadable: (detail: string) => void;
  #objects = new Map<string, KnownObject<T>>();
  /** Keys of changes since the last copy, also of those that were no news. */
  #touched = new Set<string>();
  /** All were replaced since the last copy. */
  #isReplaced = false;

  /** `project` keeps what is needed of an object; it throws when that cannot be read, and what was known of the object stays. */
  constructor(sink: ObjectSink<T>, project: (object: unknown) => T, onUnreadable: (detail: string) => void) {
    this.#sink = sink;
    this.#project = project;
    this.#onUnreadable = onUnreadable;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** A copy to compare with what the API server says of it, in `repair`. */
  copy(): ObjectSet<T> {
    this.#touched = new Set();
    this.#isReplaced = false;
    return new Map(this.#objects);
  }

  /** What is to be kept of an object; unchanged objects keep their value. Undefined when the object cannot be read. */
  read(object: unknown): KnownObject<T> | undefined {
    const identity = identityOf(object);
    if (identity === undefined) {
      this.#onUnreadable("found an object without name, uid or resourceVersion");
      return undefined;
    }
    const known = this.#objects.get(identity.key);
    const isSame = known?.uid === identity.uid;
    if (isSame && known.resourceVersion === identity.resourceVersion) return known;
    try {
      return { ...identity, value: this.#project(object) };
    } catch (error) {
      this.#onUnreadable(`${identity.key}: ${(error as Error).message}`);
      // The next list must not find it changed once more.
      return isSame ? { ...identity, value: known.value } : undefined;
    }
  }

  /** These are all. */
  replace(objects: Map<string, KnownObject<T>>): void {
    this.#isReplaced = true;
    this.#objects = objects;
    this.#sink.reset(Array.from(objects.values(), ({ value }) => value));
  }

  /** Added or changed. An object of the same name but another uid has gone unseen. */
  upsert(object: KnownObject<T>): void {
    const known = this.#objects.get(object.key);
    this.#touched.add(object.key);
    this.#objects.set(object.key, object);
    if (known !== undefined && known.uid !== object.uid) this.#sink.remove(known.value);
    if (known?.value !== object.value) this.#sink.upsert(object.value);
  }

  /** Gone, unless another object has its name by now. */
  remove({ key, uid }: ObjectIdentity): void {
    const known = this.#objects.get(key);
    this.#touched.add(key);
    if (known?.uid !== uid) return;
    this.#objects.delete(key);
    this.#sink.remove(known.value);
  }

  /**
   * Compares `base`, the last copy, with what the API server says of the same resource version, and repairs what differs and
   * has not changed since. Returns how many objects differ.
   */
  repair(base: ObjectSet<T>, actual: ObjectSet<T>): number {
    const touched = this.#touched;
    const isTouched = (key: string): boolean => this.#isReplaced || touched.has(key);
    let drift = 0;
    for (const [key, object] of actual) {
      const known = base.get(key);
      if (known?.uid === object.uid && known.resourceVersion === object.resourceVersion) continue;
      drift++;
      if (!isTouched(key)) this.upsert(object);
    }
    for (const [key, known] of base) {
      if (actual.has(key)) continue;
      drift++;
      if (!isTouched(key)) this.remove(known);
    }
    return drift;
  }
}
