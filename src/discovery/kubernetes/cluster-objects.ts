import { objectGroups, type PoolRef } from "../inference-objects.ts";
import type { Follow } from "./follow.ts";
import {
  FollowedObjects,
  type ObjectContent,
  type ObjectGroup,
  type ObjectKind,
  objectVersion,
} from "./followed-objects.ts";

/** What following the objects of a pool needs. */
export interface ClusterObjectsOptions {
  readonly namespace: string;
  /** Objects of other pools are left out. */
  readonly pool: PoolRef;
  readonly follow: Follow;
  /** Takes over all objects of a kind that are in force. */
  readonly apply: (kind: ObjectKind, contents: readonly ObjectContent[]) => void;
  /** Told once of each content that cannot be used: the last good one stays. `problem` is one line. */
  readonly onInvalid: (kind: ObjectKind, name: string, problem: string) => void;
  /** Told once of a kind that the API server knows in neither group. */
  readonly onAbsent: (kind: ObjectKind) => void;
}

const plurals: Readonly<Record<ObjectKind, string>> = {
  InferenceObjective: "inferenceobjectives",
  InferenceModelRewrite: "inferencemodelrewrites",
};
const kinds: readonly ObjectKind[] = ["InferenceObjective", "InferenceModelRewrite"];
const groups: readonly ObjectGroup[] = ["current", "legacy"];

/**
 * Follows the InferenceObjectives and InferenceModelRewrites of a namespace in both their API groups (protocol 4.3, 4.4), until
 * the function that it returns is called. A group that the API server does not know is asked for again and again.
 */
export function followObjects(options: ClusterObjectsOptions): () => void {
  const closers = kinds.flatMap((kind) => {
    const objects = new FollowedObjects({
      kind,
      pool: options.pool,
      apply: (contents) => options.apply(kind, contents),
      onInvalid: (name, problem) => options.onInvalid(kind, name, problem),
      onAbsent: () => options.onAbsent(kind),
    });
    return groups.map((group) => followGroup(objects, { kind, group }, options));
  });
  return () => {
    for (const close of closers) close();
  };
}

function followGroup(
  objects: FollowedObjects,
  { kind, group }: { readonly kind: ObjectKind; readonly group: ObjectGroup },
  { namespace, follow }: ClusterObjectsOptions,
): () => void {
  const apiGroup = objectGroups[group];
  const plural = plurals[kind];
  const { close } = follow<unknown>({
    kind: `${plural}.${apiGroup}`,
    path: `/apis/${apiGroup}/${objectVersion}/namespaces/${namespace}/${plural}`,
    project: keepObject,
    sink: objects.sink(group),
    onFailed: (reason) => objects.failed(group, reason),
    isOptional: true,
  });
  return close;
}

/** Leaves out what is large and not looked at. */
function keepObject(raw: unknown): unknown {
  const { metadata, spec } = raw as { readonly metadata?: object; readonly spec?: unknown };
  return { metadata: { ...metadata, managedFields: undefined, annotations: undefined }, spec };
}
