import type { ModelRewrite } from "../datastore/model-rewrites.ts";
import type { InferenceObjective } from "../datastore/objectives.ts";
import { inOrder, type Problem, readDocuments, type SourceDocument } from "../lib/document.ts";
import { type InferenceObject, objectGroups, type PoolRef, readObject } from "./inference-objects.ts";
import { checkLength } from "../lib/polled-file.ts";

/** The objects of a file in its order, of all pools, or everything that is wrong with it. */
export type ObjectsFile =
  | { readonly kind: "ok"; readonly objects: readonly InferenceObject[]; readonly warnings: readonly Problem[] }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** What a list of objects says about one pool. */
export interface PoolObjects {
  readonly objectives: readonly InferenceObjective[];
  readonly rewrites: readonly ModelRewrite[];
  /** Number of objects that name another pool. */
  readonly ofOtherPools: number;
}

/** An object and where it stands. */
interface Entry {
  readonly document: SourceDocument;
  readonly object: InferenceObject;
}

/**
 * Reads the YAML or JSON text of an objects file: InferenceObjectives and InferenceModelRewrites (protocol 4.3, 4.4), a
 * document each. A kind and name may be there once for each pool; an object of the legacy API group gives way to one of
 * the current group, with a warning. A text of nothing but space is a problem, since a file that is being written looks
 * like that; one with a comment or `---` has no objects.
 */
export function readObjects(text: string, file: string): ObjectsFile {
  const tooLong = checkLength(text, file);
  if (tooLong !== undefined) return { kind: "invalid", problems: [tooLong], warnings: [] };
  if (text.trim() === "") {
    const message = "the file is empty, expected objects, or a comment where there are none";
    return { kind: "invalid", problems: [{ file, line: 1, column: 1, path: "", message }], warnings: [] };
  }
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const entries: Entry[] = [];
  for (const document of readDocuments(text, file)) {
    const read = readObject(document);
    if (read.kind === "invalid") {
      problems.push(...read.problems);
      continue;
    }
    warnings.push(...read.warnings);
    entries.push({ document, object: read.object });
  }
  const groups = byIdentity(entries);
  problems.push(...groups.flatMap(repeats));
  if (problems.length > 0) return { kind: "invalid", problems: inOrder(problems), warnings: inOrder(warnings) };
  const replaced = new Set(groups.flatMap(legacyBesideCurrent));
  warnings.push(...[...replaced].map(leftOut));
  const objects = entries.filter((entry) => !replaced.has(entry)).map(({ object }) => object);
  return { kind: "ok", objects, warnings: inOrder(warnings) };
}

/** Picks the objects whose poolRef is `pool`: its name and its group (protocol 4.5). */
export function objectsOf(pool: PoolRef, objects: readonly InferenceObject[]): PoolObjects {
  const own = objects.filter((object) => object.pool.name === pool.name && object.pool.group === pool.group);
  return {
    objectives: own.flatMap(({ content }) => (content.kind === "InferenceObjective" ? [content.value] : [])),
    rewrites: own.flatMap(({ content }) => (content.kind === "InferenceModelRewrite" ? [content.value] : [])),
    ofOtherPools: objects.length - own.length,
  };
}

/** Entries that say the same thing about the same pool, together. */
function byIdentity(entries: readonly Entry[]): (readonly Entry[])[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const { pool, content } = entry.object;
    const identity = JSON.stringify([pool.group, pool.name, content.kind, content.value.name]);
    const group = groups.get(identity);
    if (group === undefined) groups.set(identity, [entry]);
    else group.push(entry);
  }
  return [...groups.values()];
}

function repeats(same: readonly Entry[]): Problem[] {
  return [true, false].flatMap((isLegacy) => {
    const [first, ...others] = same.filter(({ object }) => object.isLegacy === isLegacy);
    if (first === undefined) return [];
    const { line } = first.document.problem(["metadata", "name"], "");
    return others.map(({ document, object: { content } }) => {
      const message = `"${content.value.name}" is already the name of the ${content.kind} of line ${line}`;
      return document.problem(["metadata", "name"], message);
    });
  });
}

function legacyBesideCurrent(same: readonly Entry[]): Entry[] {
  return same.every(({ object }) => object.isLegacy) ? [] : same.filter(({ object }) => object.isLegacy);
}

function leftOut({ document }: Entry): Problem {
  return document.problem(["apiVersion"], `left out: ${objectGroups.current} has an object of this kind and name too`);
}
