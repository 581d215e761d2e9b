import { maxPriority, minPriority, type InferenceObjective } from "../datastore/objectives.ts";
import type { ModelRewrite, RewriteRule } from "../datastore/model-rewrites.ts";
import { checkValue, type Problem, type SourceDocument } from "../lib/document.ts";
import { z } from "../lib/schema.ts";

/** A pool as objects refer to it. */
export interface PoolRef {
  readonly group: string;
  readonly name: string;
}

/** API group of an InferencePool when nothing else is said (protocol 4.3). */
export const defaultPoolGroup = "inference.networking.k8s.io";

/** The API group of objects, and the one that they had before (protocol 4.3). */
export const objectGroups = { current: "llm-d.ai", legacy: "inference.networking.x-k8s.io" } as const;

/** One object that says something about a pool. */
export interface InferenceObject {
  readonly isLegacy: boolean;
  readonly pool: PoolRef;
  readonly content:
    | { readonly kind: "InferenceObjective"; readonly value: InferenceObjective }
    | { readonly kind: "InferenceModelRewrite"; readonly value: ModelRewrite };
}

/** An object, or everything that is wrong with it; `warnings` are about what has no effect. */
export type ReadObject =
  | { readonly kind: "ok"; readonly object: InferenceObject; readonly warnings: readonly Problem[] }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

const [currentVersion, legacyVersion] = [
  `${objectGroups.current}/v1alpha2`,
  `${objectGroups.legacy}/v1alpha2`,
] as const;

const kinds = ["InferenceObjective", "InferenceModelRewrite"] as const;

const headSchema = z.object({ apiVersion: z.enum([currentVersion, legacyVersion]), kind: z.enum(kinds) });

const show = (value: unknown): string => JSON.stringify(value);

const wholeNumber = (min: number, max: number) =>
  z.number().refine((value) => Number.isInteger(value) && value >= min && value <= max, {
    error: ({ input }) => `expected a whole number from ${min} to ${max}, got ${show(input)}`,
  });

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const time = z.string().refine((text) => timePattern.test(text) && Number.isFinite(Date.parse(text)), {
  error: ({ input }) => `expected a time such as 2025-01-31T12:00:00Z, got ${show(input)}`,
});

const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/, {
    error: ({ input }) =>
      `expected lower-case letters, digits, - and . with a letter or digit at both ends, got ${show(input)}`,
  });

/** What an API server adds to an object that is read from it; nothing here is looked at. */
const kept = {
  labels: z.unknown().optional(),
  annotations: z.unknown().optional(),
  uid: z.unknown().optional(),
  resourceVersion: z.unknown().optional(),
  generation: z.unknown().optional(),
  managedFields: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  selfLink: z.unknown().optional(),
};

const metadata = z.strictObject({
  name: objectName,
  namespace: z.string().nullish(),
  creationTimestamp: time.nullish(),
  ...kept,
});

const poolRef = z.strictObject({
  group: z.string().nullish(),
  kind: z.literal("InferencePool").nullish(),
  name: z.string().min(1),
});

const modelMatch = z.strictObject({ type: z.literal("Exact").nullish(), value: z.string().min(1) });

const target = z.strictObject({
  weight: wholeNumber(1, 1_000_000).nullish(),
  modelRewrite: z.string().min(1),
});

const rule = z.strictObject({
  matches: z.array(z.strictObject({ model: modelMatch })).nullish(),
  targets: z.tuple([target], target),
});

const common = { apiVersion: z.string(), kind: z.string(), metadata, status: z.unknown().optional() };

const objectiveSchema = z.strictObject({
  ...common,
  spec: z.strictObject({ priority: wholeNumber(minPriority, maxPriority).nullish(), poolRef }),
});

const rewriteSchema = z.strictObject({ ...common, spec: z.strictObject({ poolRef, rules: z.array(rule) }) });

/** Decodes one document as an object of the kind that it names (protocol 4.3, 4.4). Unknown fields are problems. */
export function readObject(document: SourceDocument): ReadObject {
  if (!document.isReadable) return { kind: "invalid", problems: document.problems };
  const head = checkValue(document, headSchema, []);
  if (head.kind === "invalid") return { kind: "invalid", problems: [...document.problems, ...head.problems] };
  const isLegacy = head.value.apiVersion === legacyVersion;
  const read = head.value.kind === "InferenceObjective" ? readObjective(document) : readRewrite(document);
  const problems = [...document.problems, ...(read.kind === "invalid" ? read.problems : [])];
  if (read.kind === "invalid" || problems.length > 0) return { kind: "invalid", problems };
  return { kind: "ok", object: { isLegacy, ...read.value }, warnings: weightless(document, read.value.content) };
}

/** Whether a document means to be such an object, well formed or not. */
export function isInferenceObject({ raw }: SourceDocument): boolean {
  const { apiVersion, kind } = (raw ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  return kinds.some((known) => known === kind) || apiVersion === currentVersion || apiVersion === legacyVersion;
}

type Read =
  | { readonly kind: "ok"; readonly value: Omit<InferenceObject, "isLegacy"> }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

function readObjective(document: SourceDocument): Read {
  const checked = checkValue(document, objectiveSchema, []);
  if (checked.kind === "invalid") return checked;
  const { metadata: meta, spec } = checked.value;
  const value: InferenceObjective = { name: meta.name, priority: spec.priority ?? undefined };
  return { kind: "ok", value: { pool: poolOf(spec.poolRef), content: { kind: "InferenceObjective", value } } };
}

function readRewrite(document: SourceDocument): Read {
  const checked = checkValue(document, rewriteSchema, []);
  if (checked.kind === "invalid") return checked;
  const { metadata: meta, spec } = checked.value;
  // One that is not created yet would be younger than all that are.
  const createdAtMs = meta.creationTimestamp ? Date.parse(meta.creationTimestamp) : Number.POSITIVE_INFINITY;
  const value: ModelRewrite = { name: meta.name, createdAtMs, rules: spec.rules.map(toRule) };
  return { kind: "ok", value: { pool: poolOf(spec.poolRef), content: { kind: "InferenceModelRewrite", value } } };
}

function poolOf({ group, name }: z.infer<typeof poolRef>): PoolRef {
  return { group: group ?? defaultPoolGroup, name };
}

function toRule({ matches, targets: [first, ...others] }: z.infer<typeof rule>): RewriteRule {
  const toTarget = ({ modelRewrite, weight }: z.infer<typeof target>): RewriteRule["targets"][0] => ({
    modelRewrite,
    weight: weight ?? undefined,
  });
  return {
    models: (matches ?? []).map(({ model }) => model.value),
    targets: [toTarget(first), ...others.map(toTarget)],
  };
}

/** Warns of targets without a weight beside some with one: they are never chosen (protocol 3.5). */
function weightless(document: SourceDocument, content: InferenceObject["content"]): Problem[] {
  if (content.kind !== "InferenceModelRewrite") return [];
  return content.value.rules.flatMap(({ targets }, ruleIndex) => {
    if (targets.every(({ weight }) => weight === undefined)) return [];
    return targets.flatMap(({ modelRewrite, weight }, index) => {
      const path = ["spec", "rules", ruleIndex, "targets", index];
      const message = `${show(modelRewrite)} is never chosen: it has no weight, others of the rule have one`;
      return weight === undefined ? [document.problem(path, message)] : [];
    });
  });
}
