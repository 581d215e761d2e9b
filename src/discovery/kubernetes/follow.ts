import type { ObjectSink } from "./object-sink.ts";

/** A collection to follow. */
export interface Followed<T> {
  /** The resource as in its path, with its group where it has one: `inferencepools.inference.networking.k8s.io`. */
  readonly kind: string;
  readonly path: string;
  /** `labelSelector`, `fieldSelector`. */
  readonly selectors?: Readonly<Record<string, string>>;
  /** Keeps what is needed of an object of the API server; throws for one that cannot be read. */
  readonly project: (object: unknown) => T;
  readonly sink: ObjectSink<T>;
  /** Told of every failure, `absent` when the API server does not know the resource. What was known stays. */
  readonly onFailed?: ((reason: string) => void) | undefined;
  /** The API server need not know the resource; default false. */
  readonly isOptional?: boolean;
}

/** Keeps the sink equal to a collection until it is closed; the sink is not called any more then. */
export type Follow = <T>(what: Followed<T>) => { readonly close: () => void };
