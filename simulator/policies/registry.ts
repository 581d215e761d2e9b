import { balancersByName } from "./balancers.ts";
import { configPolicy } from "./config-policy.ts";
import type { Policy } from "./policy.ts";

const head = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
`;

const goDefault = `${head}plugins:
  - {type: queue-scorer}
  - {type: kv-cache-utilization-scorer}
  - {type: prefix-cache-scorer}
  - {type: max-score-picker}
schedulingProfiles:
  - name: default
    plugins:
      - {pluginRef: queue-scorer, weight: 2}
      - {pluginRef: kv-cache-utilization-scorer, weight: 2}
      - {pluginRef: prefix-cache-scorer, weight: 3}
      - {pluginRef: max-score-picker}
`;

const goLoadOnly = `${head}plugins:
  - {type: queue-scorer}
  - {type: kv-cache-utilization-scorer}
  - {type: max-score-picker}
schedulingProfiles:
  - name: default
    plugins:
      - {pluginRef: queue-scorer, weight: 2}
      - {pluginRef: kv-cache-utilization-scorer, weight: 2}
      - {pluginRef: max-score-picker}
`;

const ofConfigs = {
  "go-default": () =>
    configPolicy({
      name: "go-default",
      summary: "queue 2, KV cache 2, prefix 3, highest score; acts on samples as they are, as the Go picker does",
      text: goDefault,
      corrections: false,
    }),
  "go-load-only": () =>
    configPolicy({
      name: "go-load-only",
      summary: "queue 2, KV cache 2, highest score; acts on samples as they are",
      text: goLoadOnly,
      corrections: false,
    }),
  default: () =>
    configPolicy({
      name: "default",
      summary: "what epp serve does without a config: queue 2, KV cache 2, prefix 3, signals corrected between scrapes",
      text: undefined,
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
