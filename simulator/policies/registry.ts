import { balancersByName } from "./balancers.ts";
import { configPolicy } from "./config-policy.ts";
import type { Policy } from "./policy.ts";

/** A config with one profile of these scorers and the picker of the highest score. */
function scorersConfig(weights: Readonly<Record<string, number>>): string {
  const scorers = Object.entries(weights);
  return [
    "apiVersion: llm-d.ai/v1alpha1",
    "kind: EndpointPickerConfig",
    "plugins:",
    ...scorers.map(([type]) => `  - {type: ${type}}`),
    "  - {type: max-score-picker}",
    "schedulingProfiles:",
    "  - name: default",
    "    plugins:",
    ...scorers.map(([type, weight]) => `      - {pluginRef: ${type}, weight: ${weight}}`),
    "      - {pluginRef: max-score-picker}",
    "",
  ].join("\n");
}

const load = { "queue-scorer": 2, "kv-cache-utilization-scorer": 2 } as const;

const ofConfigs = {
  "go-default": () =>
    configPolicy({
      name: "go-default",
      summary: "queue 2, KV cache 2, prefix 3, highest score; acts on samples as they are, as the Go picker does",
      text: scorersConfig({ ...load, "prefix-cache-scorer": 3 }),
      corrections: false,
    }),
  "go-load-only": () =>
    configPolicy({
      name: "go-load-only",
      summary: "queue 2, KV cache 2, highest score; acts on samples as they are",
      text: scorersConfig(load),
      corrections: false,
    }),
  default: () =>
    configPolicy({
      name: "default",
      summary: "what epp serve does without a config: queue 2, KV cache 2, prefix 3, signals corrected between scrapes",
      text: undefined,
    }),
  "lora-affinity": () =>
    configPolicy({
      name: "lora-affinity",
      summary: "queue 2, KV cache 2, LoRA affinity 3, highest score, signals corrected between scrapes",
      text: scorersConfig({ ...load, "lora-affinity-scorer": 3 }),
    }),
  "prefix-only": () =>
    configPolicy({
      name: "prefix-only",
      summary: "the longest cached prefix and nothing else: what load beside it is worth",
      text: scorersConfig({ "prefix-cache-scorer": 1 }),
    }),
  "kv-only": () =>
    configPolicy({
      name: "kv-only",
      summary: "the least KV use and nothing else, samples as they are: what old samples cost",
      text: scorersConfig({ "kv-cache-utilization-scorer": 1 }),
      corrections: false,
    }),
};

/** Every built-in policy, in the order of help texts. */
export function builtInPolicies(): readonly Policy[] {
  return [...Object.values(balancersByName), ...Object.values(ofConfigs).map((make) => make())];
}

/** Names of the built-in policies, in the order of help texts. */
export const policyNames: readonly string[] = [...Object.keys(balancersByName), ...Object.keys(ofConfigs)];

/** A built-in policy; undefined for any other name. */
export function findPolicy(name: string): Policy | undefined {
  if (Object.hasOwn(balancersByName, name)) return balancersByName[name as keyof typeof balancersByName];
  return Object.hasOwn(ofConfigs, name) ? ofConfigs[name as keyof typeof ofConfigs]() : undefined;
}
