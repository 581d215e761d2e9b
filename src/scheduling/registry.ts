import { probabilisticAdmitter } from "./admitters/probabilistic.ts";
import { headerBasedTestingFilter } from "./filters/header-based-testing.ts";
import { byLabelFilter, byLabelSelectorFilter, labelSelectorFilter } from "./filters/label-selector.ts";
import { prefixCacheAffinityFilter } from "./filters/prefix-cache-affinity.ts";
import { roleFilters } from "./filters/roles.ts";
import { sessionAffinityFilter } from "./filters/session-affinity.ts";
import { utilizationFilter } from "./filters/utilization.ts";
import { dataParallelProfileHandler } from "./handlers/data-parallel.ts";
import { headerProfileHandler } from "./handlers/header-profile.ts";
import { singleProfileHandler } from "./handlers/single-profile.ts";
import { maxScorePicker } from "./pickers/max-score.ts";
import { randomPicker } from "./pickers/random.ts";
import { weightedRandomPicker } from "./pickers/weighted-random.ts";
import type { PluginDefinition } from "./plugin.ts";
import { approxPrefixCacheProducer } from "./producers/approx-prefix-cache.ts";
import { inflightLoadProducer } from "./producers/inflight-load.ts";
import { tokenProducer } from "./producers/token.ts";
import { activeRequestScorer } from "./scorers/active-request.ts";
import { contextLengthScorer } from "./scorers/context-length.ts";
import { headerLabelAffinityScorer } from "./scorers/header-label-affinity.ts";
import { sessionIdProducer } from "./producers/session-id.ts";
import { servedVerifier } from "./responders/served-verifier.ts";
import { kvCacheScorer } from "./scorers/kv-cache.ts";
import { loadAwareScorer } from "./scorers/load-aware.ts";
import { loraAffinityScorer } from "./scorers/lora-affinity.ts";
import { noHitLruScorer } from "./scorers/no-hit-lru.ts";
import { prefixCacheScorer } from "./scorers/prefix-cache.ts";
import { queueScorer } from "./scorers/queue.ts";
import { runningRequestsScorer } from "./scorers/running-requests.ts";
import { tokenLoadScorer } from "./scorers/token-load.ts";
import { sessionAffinityScorer } from "./scorers/session-affinity.ts";

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
  loadAwareScorer,
  activeRequestScorer,
  tokenLoadScorer,
  noHitLruScorer,
  contextLengthScorer,
  headerLabelAffinityScorer,
  sessionAffinityScorer,
  labelSelectorFilter,
  byLabelFilter,
  byLabelSelectorFilter,
  ...roleFilters,
  utilizationFilter,
  prefixCacheAffinityFilter,
  sessionAffinityFilter,
  headerBasedTestingFilter,
  approxPrefixCacheProducer,
  inflightLoadProducer,
  tokenProducer,
  sessionIdProducer,
  maxScorePicker,
  randomPicker,
  weightedRandomPicker,
  singleProfileHandler,
  headerProfileHandler,
  dataParallelProfileHandler,
  probabilisticAdmitter,
  servedVerifier,
];
