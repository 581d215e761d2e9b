import { randomUUID } from "node:crypto";
import { apiVersionOf, type KubeObject, type Resource, resourceOf } from "./resources.ts";

/** One change of the store, in the order of its versions. */
export interface Change {
  readonly version: number;
  readonly resource: Resource;
  readonly namespace: string;
  readonly object: StoredObject | undefined;
  readonly before: StoredObject | undefined;
}

/** An object with its text, so that lists of thousands cost little. */
export interface StoredObject {
  readonly object: KubeObject;
  readonly json: string;
}

/** The object is not as the writer thinks, or not there. */
export class StoreError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;
const collectionOf = ({ group, version, plural }: Resource): string => `${group}/${version}/${plural}`;

/** Objects with resource versions and their history: what etcd is to a real API server. Outlives restarts of the server. */
export class ObjectStore {
  readonly #collections = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #version = 100;
  #compacted = 0;

  get version(): number {
    return this.#version;
  }

  /** Versions up to this one are forgotten. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Forgets the history: watches and lists of older versions get 410. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#version;
  }

  /** Moves the version on, as writes of objects that nobody watches do. */
  skipVersions(count: number): void {
    this.#version += count;
  }

  /** Called at every change; returns the function that ends it. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    return this.#collections.get(collectionOf(resource))?.get(keyOf(namespace, name))?.object;
  }

  /** Objects of a namespace ("" for all) by key, as they were at `version`; default now. */
  list(resource: Resource, namespace: string, version = this.#version): StoredObject[] {
    const objects = new Map(this.#collections.get(collectionOf(resource)));
    for (const change of this.#history.toReversed()) {
      if (change.version <= version) break;
      if (change.resource !== resource) continue;
      const { metadata } = (change.object ?? change.before)?.object ?? { metadata: { name: "" } };
      const key = keyOf(change.namespace, metadata.name);
      if (change.before === undefined) objects.delete(key);
      else objects.set(key, change.before);
    }
    return Array.from(objects.entries())
      .filter(([key]) => namespace === "" || key.startsWith(`${namespace}/`))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, stored]) => stored);
  }

  /** Changes of a resource after a version. */
  changesAfter(version: number): readonly Change[] {
    return this.#history.filter((change) => change.version > version);
  }

  create(object: KubeObject): KubeObject {
    const { namespace = "", name } = object.metadata;
    const resource = resourceOf(object);
    if (this.get(resource, namespace, name) !== undefined) {
      throw new StoreError(409, "AlreadyExists", `${resource.plural} "${name}" already exists`);
    }
    return this.#put(resource, namespace, {
      ...object,
      metadata: { ...object.metadata, uid: object.metadata.uid ?? randomUUID(), creationTimestamp: timestamp() },
    });
  }

  /** Replaces an object. A resourceVersion in it must be that of the stored one. */
  replace(object: KubeObject): KubeObject {
    const { namespace = "", name, resourceVersion } = object.metadata;
    const resource = resourceOf(object);
    const before = this.#existing(resource, namespace, name);
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      throw new StoreError(409, "Conflict", `${resource.plural} "${name}": the object has been modified`);
    }
    const { uid, creationTimestamp, deletionTimestamp } = before.metadata;
    const metadata = { ...object.metadata, uid, creationTimestamp, ...(deletionTimestamp && { deletionTimestamp }) };
    const after = { ...object, metadata } as KubeObject;
    // A terminating object goes with its last finalizer.
    if (deletionTimestamp !== undefined && (after.metadata.finalizers ?? []).length === 0) {
      return this.#drop(resource, namespace, after);
    }
    return this.#put(resource, namespace, after);
  }

  /** Merges a JSON merge patch into an object. */
  patch(resource: Resource, namespace: string, name: string, patch: unknown): KubeObject {
    const before = this.#existing(resource, namespace, name);
    return this.replace(merge(before, patch) as KubeObject);
  }

  /** Ends an object; one with finalizers only gets its deletionTimestamp. */
  remove(resource: Resource, namespace: string, name: string): KubeObject {
    const before = this.#existing(resource, namespace, name);
    if ((before.metadata.finalizers ?? []).length === 0) return this.#drop(resource, namespace, before);
    if (before.metadata.deletionTimestamp !== undefined) return before;
    return this.#put(resource, namespace, {
      ...before,
      metadata: { ...before.metadata, deletionTimestamp: timestamp() },
    });
  }

  #existing(resource: Resource, namespace: string, name: string): KubeObject {
    const object = this.get(resource, namespace, name);
    if (object === undefined) throw new StoreError(404, "NotFound", `${resource.plural} "${name}" not found`);
    return object;
  }

  #put(resource: Resource, namespace: string, object: KubeObject): KubeObject {
    const collection = this.#collectionFor(resource);
    const version = ++this.#version;
    const after: KubeObject = {
      ...object,
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { ...object.metadata, resourceVersion: `${version}` },
    };
    const key = keyOf(namespace, object.metadata.name);
    const before = collection.get(key);
    const stored = { object: after, json: JSON.stringify(after) };
    collection.set(key, stored);
    this.#tell({ version, resource, namespace, object: stored, before });
    return after;
  }

  #drop(resource: Resource, namespace: string, object: KubeObject): KubeObject {
    const collection = this.#collectionFor(resource);
    const key = keyOf(namespace, object.metadata.name);
    const before = collection.get(key);
    const version = ++this.#version;
    collection.delete(key);
    this.#tell({ version, resource, namespace, object: undefined, before });
    return object;
  }

  #collectionFor(resource: Resource): Map<string, StoredObject> {
    const name = collectionOf(resource);
    const collection = this.#collections.get(name) ?? new Map<string, StoredObject>();
    this.#collections.set(name, collection);
    return collection;
  }

  #tell(change: Change): void {
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+/, "");
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(typeof target === "object" && target !== null ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}
