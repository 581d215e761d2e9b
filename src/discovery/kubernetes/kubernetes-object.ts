/** What every object of the API server has and a reflector reads. */
export interface ObjectIdentity {
  /** `NAMESPACE/NAME`; the namespace is empty for objects without one. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Reads who an object is; undefined when it does not say so. */
export function identityOf(object: unknown): ObjectIdentity | undefined {
  const { name, namespace, uid, resourceVersion } = metadataOf(object);
  if (typeof name !== "string" || typeof uid !== "string" || typeof resourceVersion !== "string") return undefined;
  return { key: `${typeof namespace === "string" ? namespace : ""}/${name}`, uid, resourceVersion };
}

/** The `metadata` of an object, a list or a bookmark; empty when there is none. */
export function metadataOf(object: unknown): Readonly<Record<string, unknown>> {
  const metadata = (object as { readonly metadata?: unknown } | null | undefined)?.metadata;
  return typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
}
