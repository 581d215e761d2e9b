/** Takes over what is known of one kind of Kubernetes objects. Called in the order of the changes; must not throw. */
export interface ObjectSink<T> {
  /** These are all: what is not among them is gone. */
  reset(objects: readonly T[]): void;
  /** Added or changed. */
  upsert(object: T): void;
  /** Gone; the object as it was last seen. */
  remove(object: T): void;
}
