import { singleProfileHandler } from "./handlers/single-profile.ts";
import { maxScorePicker } from "./pickers/max-score.ts";
import { randomPicker } from "./pickers/random.ts";
import { weightedRandomPicker } from "./pickers/weighted-random.ts";
import type { PluginDefinition } from "./plugin.ts";
import { approxPrefixCacheProducer } from "./producers/approx-prefix-cache.ts";
import { tokenProducer } from "./producers/token.ts";
import { kvCacheScorer } from "./scorers/kv-cache.ts";
import { loraAffinityScorer } from "./scorers/lora-affinity.ts";
import { prefixCacheScorer } from "./scorers/prefix-cache.ts";
import { queueScorer } from "./scorers/queue.ts";
import { runningRequestsScorer } from "./scorers/running-requests.ts";

/** The plugin types a config may name. A value: nothing registers itself, and tests build their own. */
export interface PluginRegistry {
  /** The definition of a type, undefined when there is none. */
  find(type: string): PluginDefinition | undefined;
  /** Every type, sorted. */
  readonly types: readonly string[];
}

/** Makes a registry; throws a TypeError when two definitions share a type. */
export function createRegistry(definitions: readonly PluginDefinition[]): PluginRegistry {
  const byType = new Map<string, PluginDefinition>();
  for (const definition of definitions) {
    if (byType.has(definition.type)) {
      throw new TypeError(`Cannot register plugin "${definition.type}": the type is taken, expected a new one`);
    }
    byType.set(definition.type, definition);
  }
  return { find: (type) => byType.get(type), types: [...byType.keys()].toSorted() };
}

/** Every scheduling plugin there is. */
export const schedulingPlugins: readonly PluginDefinition[] = [
  queueScorer,
  runningRequestsScorer,
  kvCacheScorer,
  loraAffinityScorer,
  prefixCacheScorer,
  approxPrefixCacheProducer,
  tokenProducer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  singleProfileHandler,
];
