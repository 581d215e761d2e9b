import type { Endpoint } from "../../datastore/endpoint.ts";
import { z } from "../../lib/schema.ts";
import { definePlugin, type PluginDefinition } from "../plugin.ts";

type Labels = Endpoint["labels"];

const keyPattern = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

const labelKey = z.string().regex(keyPattern, {
  error: ({ input }) => `expected the key of a label, got ${JSON.stringify(input)}`,
});
const labelValue = z.string().regex(valuePattern, {
  error: ({ input }) => `expected the value of a label, got ${JSON.stringify(input)}`,
});

const requirement = z
  .strictObject({
    key: labelKey,
    operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
    values: z.array(labelValue).nullish(),
  })
  .superRefine(({ operator, values }, context) => {
    const count = values?.length ?? 0;
    const takesValues = operator === "In" || operator === "NotIn";
    if (takesValues === count > 0) return;
    const message = takesValues
      ? `expected at least one value for ${operator}, got none`
      : `expected no values for ${operator}, got ${count}`;
    context.addIssue({ code: "custom", path: ["values"], message });
  });
type LabelRequirement = z.infer<typeof requirement>;

/** A Kubernetes LabelSelector: all of its parts must hold; one without parts selects every endpoint. */
const labelSelector = z.strictObject({
  matchLabels: z.record(labelKey, labelValue).default({}),
  matchExpressions: z.array(requirement).default([]),
});
type LabelSelector = z.infer<typeof labelSelector>;

/** Keeps endpoints whose labels a LabelSelector selects (protocol 6.5). */
export const labelSelectorFilter: PluginDefinition = definePlugin<LabelSelector>({
  type: "label-selector-filter",
  summary: "Keeps the endpoints that a Kubernetes label selector selects.",
  parameters: labelSelector,
  roles: ["filter"],
  create: (selector) => ({
    filter: { filter: (_cycle, candidates) => candidates.filter(({ labels }) => selects(selector, labels)) },
  }),
});

/** Former name of `label-selector-filter`. */
export const byLabelSelectorFilter: PluginDefinition = {
  ...labelSelectorFilter,
  type: "by-label-selector",
  summary: "Former name of label-selector-filter.",
  deprecated: "label-selector-filter",
};

const byLabelParameters = z
  .strictObject({
    label: labelKey,
    validValues: z.array(z.string()).default([]),
    allowsNoLabel: z.boolean().default(false),
  })
  .superRefine(({ validValues, allowsNoLabel }, context) => {
    if (validValues.length > 0 || allowsNoLabel) return;
    const message = "expected at least one value unless allowsNoLabel is true, got none";
    context.addIssue({ code: "custom", path: ["validValues"], message });
  });
type ByLabelParameters = z.infer<typeof byLabelParameters>;

/** What stood before label selectors: one label and the values it may have. */
export const byLabelFilter: PluginDefinition = definePlugin<ByLabelParameters>({
  type: "by-label",
  summary: "Keeps the endpoints whose label has one of some values.",
  parameters: byLabelParameters,
  deprecated: "label-selector-filter",
  roles: ["filter"],
  create: ({ label, validValues, allowsNoLabel }) => {
    const valid = new Set(validValues);
    return {
      filter: {
        filter: (_cycle, candidates) =>
          candidates.filter(({ labels }) => allows(labelOf(labels, label), valid, allowsNoLabel)),
      },
    };
  },
});

/** The value of a label; undefined when the endpoint does not have it. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** True when a label's value is one of `valid`, or absent where that is allowed. */
export function allows(value: string | undefined, valid: ReadonlySet<string>, allowsNoLabel: boolean): boolean {
  return value === undefined ? allowsNoLabel : valid.has(value);
}

function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  for (const key in matchLabels) if (labelOf(labels, key) !== matchLabels[key]) return false;
  return matchExpressions.every((expression) => holds(expression, labelOf(labels, expression.key)));
}

/** As in Kubernetes, NotIn holds for endpoints that do not have the label. */
function holds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values?.includes(value) === true;
    case "NotIn":
      return value === undefined || values?.includes(value) !== true;
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
