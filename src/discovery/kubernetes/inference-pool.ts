import { checkValue, formatPlainProblems, plainDocument } from "../../lib/document.ts";
import { showValue } from "../../lib/document-issue.ts";
import { z } from "../../lib/schema.ts";
import { at, textAt } from "./json-fields.ts";
import { isLabelKey, isLabelValue } from "./label-syntax.ts";

/** Which endpoints a pool has. */
export interface PoolSelection {
  /** Labels that its pods have, at least one; all of them must match. */
  readonly selector: Readonly<Record<string, string>>;
  /** 1 to 8 different ports; the place of a port is its rank. */
  readonly targetPorts: readonly number[];
}

/** How the pool's model servers are spoken to; undefined: the pool does not say. */
export type PoolProtocol = "http" | "kubernetes.io/h2c" | undefined;

/** An InferencePool as far as it matters here (protocol 4.1). */
export interface InferencePool extends PoolSelection {
  readonly appProtocol: PoolProtocol;
}

/** An InferencePool, or why it cannot be used; `terminating`: it is being deleted, and counts as gone. */
export type ReadInferencePool =
  | { readonly kind: "ok"; readonly pool: InferencePool }
  | { readonly kind: "terminating" }
  | { readonly kind: "invalid"; readonly problem: string };

/** Bounds of the CRD. */
export const [maxSelectorLabels, maxTargetPorts, maxPort] = [64, 8, 65_535];

const selector = z.record(z.string(), z.string()).superRefine((labels, context) => {
  const keys = Object.keys(labels);
  const report = (message: string, ...path: string[]): void => context.addIssue({ code: "custom", message, path });
  if (keys.length < 1 || keys.length > maxSelectorLabels) {
    report(`expected 1 to ${maxSelectorLabels} labels, got ${keys.length}`);
  }
  for (const [key, value] of Object.entries(labels)) {
    if (!isLabelKey(key)) report("expected a label key such as app or example.com/app as key", key);
    else if (!isLabelValue(value)) report(`expected a label value, got ${showValue(value)}`, key);
  }
});

const port = z.number().refine((number) => Number.isInteger(number) && number >= 1 && number <= maxPort, {
  error: ({ input }) => `expected a port from 1 to ${maxPort}, got ${showValue(input)}`,
});

const targetPorts = z.array(z.object({ number: port })).superRefine((ports, context) => {
  const message = `expected 1 to ${maxTargetPorts} ports, got ${ports.length}`;
  if (ports.length < 1 || ports.length > maxTargetPorts) context.addIssue({ code: "custom", message });
  ports.forEach(({ number }, index) => {
    const first = ports.findIndex((other) => other.number === number);
    if (first === index) return;
    const repeated = `${number} is already the port of targetPorts[${first}]`;
    context.addIssue({ code: "custom", message: repeated, path: [index, "number"] });
  });
});

// Fields that a later version adds are not ours to refuse, but one that narrows the selector would make it match too much.
const poolSchema = z.object({
  spec: z.object({
    selector: z.strictObject({ matchLabels: selector }),
    targetPorts,
    appProtocol: z.enum(["http", "kubernetes.io/h2c"]).nullish(),
  }),
});

/** Reads an InferencePool v1, as strict as the rules of its CRD (reliability T32). `problem` is one line. Never throws. */
export function readInferencePool(raw: unknown): ReadInferencePool {
  if (textAt(raw, "metadata", "deletionTimestamp") !== undefined) return { kind: "terminating" };
  const checked = checkValue(plainDocument({ spec: at(raw, "spec") }), poolSchema, []);
  if (checked.kind === "invalid") return { kind: "invalid", problem: formatPlainProblems(checked.problems) };
  const { spec } = checked.value;
  const pool = {
    selector: spec.selector.matchLabels,
    targetPorts: spec.targetPorts.map(({ number }) => number),
    appProtocol: spec.appProtocol ?? undefined,
  };
  return { kind: "ok", pool };
}

/** Whether two pools have the same selector, whatever the order of its labels. */
export function isSameSelector(a: PoolSelection["selector"], b: PoolSelection["selector"]): boolean {
  return formatSelector(a) === formatSelector(b);
}

/** A selector as the API server takes it in a query: `app=vllm,model=llama`, sorted by key. */
export function formatSelector(selector: PoolSelection["selector"]): string {
  const labels = Object.entries(selector).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return labels.map(([key, value]) => `${key}=${value}`).join(",");
}
