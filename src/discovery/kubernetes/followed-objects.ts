import { formatPlainProblems, plainDocument } from "../../lib/document.ts";
import { type InferenceObject, objectGroups, type PoolRef, readObject } from "../inference-objects.ts";
import { field, listAt, textAt } from "./json-fields.ts";
import type { ObjectSink } from "./object-sink.ts";

/** A kind of objects that say something about a pool. */
export type ObjectKind = InferenceObject["content"]["kind"];
/** Which of its two API groups an object is in. */
export type ObjectGroup = keyof typeof objectGroups;
/** What an object says. */
export type ObjectContent = InferenceObject["content"];

/** The version of both groups (protocol 4.3). */
export const objectVersion = "v1alpha2";

/** What following a kind of objects needs. */
export interface FollowedObjectsOptions {
  readonly kind: ObjectKind;
  /** Objects of other pools are left out. */
  readonly pool: PoolRef;
  /** Takes over all objects that are in force, in the order in which they became known. */
  readonly apply: (contents: readonly ObjectContent[]) => void;
  /** Told once of each content that cannot be used; `problem` is one line. */
  readonly onInvalid: (name: string, problem: string) => void;
  /** Told once when neither group is known to the API server. */
  readonly onAbsent?: () => void;
}

/** What is known of one group: `absent`, the API server does not know it; `unreadable`, it cannot be listed. */
interface GroupState {
  readonly standing: "unknown" | "served" | "absent" | "unreadable";
  readonly values: Map<string, ObjectContent>;
}

const unknownGroup = (): GroupState => ({ standing: "unknown", values: new Map() });

/**
 * The objects of one kind that are in force. The legacy group counts only while the current one is not served (protocol 4.3). An
 * object that becomes invalid stays what it was; one that is being deleted is gone.
 */
export class FollowedObjects {
  readonly #options: FollowedObjectsOptions;
  readonly #groups: Record<ObjectGroup, GroupState> = {
    current: unknownGroup(),
    legacy: unknownGroup(),
  };
  /** The last problem that was told, by group and name. */
  readonly #told = new Map<string, string>();
  #isAbsenceTold = false;

  constructor(options: FollowedObjectsOptions) {
    this.#options = options;
  }

  /** Takes the objects of a group as the API server gives them. */
  sink(group: ObjectGroup): ObjectSink<unknown> {
    return {
      reset: (objects) => this.#reset(group, objects),
      upsert: (object) => {
        const { values } = this.#groups[group];
        const value = this.#read(group, object, values);
        if (value === undefined) values.delete(nameOf(object));
        else values.set(nameOf(object), value);
        this.#put(group, { standing: "served", values });
      },
      remove: (object) => {
        const { values } = this.#groups[group];
        values.delete(nameOf(object));
        this.#told.delete(`${group}/${nameOf(object)}`);
        this.#put(group, { standing: "served", values });
      },
    };
  }

  /** A group could not be listed or watched; what is known of it stays. */
  failed(group: ObjectGroup, reason: string): void {
    const { standing, values } = this.#groups[group];
    if (standing === "served" && values.size > 0) return;
    if (reason === "absent") this.#put(group, { standing: "absent", values });
    else if (standing === "unknown") this.#put(group, { standing: "unreadable", values });
  }

  #reset(group: ObjectGroup, objects: readonly unknown[]): void {
    const { standing, values: before } = this.#groups[group];
    const values = new Map<string, ObjectContent>();
    for (const object of objects) {
      const value = this.#read(group, object, before);
      if (value !== undefined) values.set(nameOf(object), value);
    }
    // No objects is also what is said of a resource that is not there.
    const isAbsent = standing === "absent" && objects.length === 0;
    this.#put(group, { standing: isAbsent ? "absent" : "served", values });
  }

  /** What an object says of the pool; undefined when nothing. Of one that cannot be used, what it said before. */
  #read(group: ObjectGroup, raw: unknown, before: ReadonlyMap<string, ObjectContent>): ObjectContent | undefined {
    const { kind, pool, onInvalid } = this.#options;
    const name = nameOf(raw);
    if (textAt(raw, "metadata", "deletionTimestamp") !== undefined) return undefined;
    const read = readObject(plainDocument(knownFields(raw, kind, group)));
    const key = `${group}/${name}`;
    if (read.kind === "invalid") {
      const problem = formatPlainProblems(read.problems);
      if (this.#told.get(key) !== problem) onInvalid(name, problem);
      this.#told.set(key, problem);
      return before.get(name);
    }
    this.#told.delete(key);
    const { object } = read;
    if (object.pool.name !== pool.name || object.pool.group !== pool.group) return undefined;
    return object.content;
  }

  #put(group: ObjectGroup, state: GroupState): void {
    this.#groups[group] = state;
    const { current, legacy } = this.#groups;
    if (current.standing === "unknown") return;
    this.#options.apply([...(current.standing === "served" ? current : legacy).values.values()]);
    if (this.#isAbsenceTold || current.standing !== "absent" || legacy.standing !== "absent") return;
    this.#isAbsenceTold = true;
    this.#options.onAbsent?.();
  }
}

function nameOf(raw: unknown): string {
  return textAt(raw, "metadata", "name") ?? "";
}

/** The fields that `readObject` knows: an API server gives more, and later versions of a CRD may add some. */
function knownFields(raw: unknown, kind: ObjectKind, group: ObjectGroup): object {
  const spec = field(raw, "spec");
  const known = {
    ...pick(spec, ["priority"]),
    ...mapped(spec, "poolRef", (poolRef) => pick(poolRef, ["group", "kind", "name"])),
    ...mapped(spec, "rules", (rules) => each(rules, rule)),
  };
  return {
    apiVersion: `${objectGroups[group]}/${objectVersion}`,
    kind,
    metadata: pick(field(raw, "metadata"), ["name", "creationTimestamp"]),
    spec: isObject(spec) ? known : spec,
  };
}

function rule(raw: unknown): unknown {
  return {
    ...mapped(raw, "matches", (matches) =>
      each(matches, (match) => mapped(match, "model", (model) => pick(model, ["type", "value"]))),
    ),
    ...mapped(raw, "targets", (targets) => each(targets, (target) => pick(target, ["modelRewrite", "weight"]))),
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Those of the fields that are there; what is no object stays as it is, for the problem to tell. */
function pick(value: unknown, keys: readonly string[]): object {
  if (!isObject(value)) return value as object;
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(value, key)).map((key) => [key, field(value, key)]));
}

function mapped(value: unknown, key: string, change: (inner: unknown) => unknown): object {
  return isObject(value) && Object.hasOwn(value, key) ? { [key]: change(field(value, key)) } : {};
}

function each(value: unknown, change: (entry: unknown) => unknown): unknown {
  return Array.isArray(value)
    ? listAt({ value }, "value").map((entry) => (isObject(entry) ? change(entry) : entry))
    : value;
}
