import { configPolicy } from "../policies/config-policy.ts";
import type { Policy } from "../policies/policy.ts";
import { findPolicy } from "../policies/registry.ts";

/** One scorer alone, with the picker of the highest score. `corrections`: signals are corrected between scrapes. */
export function singleScorer(name: string, scorer: string, corrections: boolean): Policy {
  const text = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - {type: ${scorer}}
  - {type: max-score-picker}
schedulingProfiles:
  - name: default
    plugins:
      - {pluginRef: ${scorer}, weight: 1}
      - {pluginRef: max-score-picker}
`;
  return configPolicy({ name, summary: `${scorer} alone`, text, corrections });
}

/** A built-in policy. Throws RangeError for an unknown name. */
export function builtIn(name: string): Policy {
  const policy = findPolicy(name);
  if (policy === undefined) throw new RangeError(`Cannot use policy "${name}": unknown`);
  return policy;
}
