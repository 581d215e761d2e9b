import { isLabelKey, isLabelValue } from "./label-syntax.ts";
import { maxSelectorLabels, type PoolSelection } from "./inference-pool.ts";

/**
 * Reads a selector such as `app=vllm,model=llama`: labels that a pod must have, all of them; spaces around names do not matter.
 * Throws an error that says what is wrong with it.
 */
export function parseSelector(text: string): PoolSelection["selector"] {
  const labels = new Map<string, string>();
  for (const part of text.split(",")) {
    const [key = "", value, ...rest] = part.split("=").map((side) => side.trim());
    if (value === undefined || rest.length > 0) throw new Error(`"${part}", expected KEY=VALUE, commas between`);
    if (!isLabelKey(key)) throw new Error(`"${key}", expected a label key such as app or example.com/app`);
    if (!isLabelValue(value)) throw new Error(`"${value}", expected a label value`);
    if (labels.has(key)) throw new Error(`"${key}" twice, expected each label once`);
    labels.set(key, value);
  }
  if (labels.size > maxSelectorLabels) throw new Error(`${labels.size} labels, expected at most ${maxSelectorLabels}`);
  return Object.fromEntries(labels);
}

/** The Deployment of a pod by its name, `<deployment>-<replica set>-<pod>`; undefined for other names (protocol 4.5). */
export function deploymentOf(podName: string): string | undefined {
  return /^(.+)-[a-z0-9]+-[a-z0-9]+$/.exec(podName)?.[1];
}
