import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { formatProblems } from "../../src/lib/document.ts";
import type { SchedulingPlan } from "../../src/scheduling/plan.ts";
import type { PluginDefinition } from "../../src/scheduling/plugin.ts";
import { createRegistry, type PluginRegistry } from "../../src/scheduling/registry.ts";
import type { Scheduled, Trace } from "../../src/scheduling/schedule.ts";

const header = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

/** The text of a config without its first two lines, made whole. */
export function aConfig(rest: string): string {
  return header + rest;
}

/** The plan of a config text (see aConfig), or of the default profile; throws what is wrong with it. */
export function aPlan(rest?: string, registry: PluginRegistry = builtInRegistry): SchedulingPlan {
  const options = { file: "config", registry, allowExperimentalPlugins: true, hashKey: 7n };
  const loaded = loadConfig(rest === undefined ? rest : aConfig(rest), options);
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  return loaded.config.plan;
}

/** The built-in plugin types and some more. */
export function aRegistry(more: readonly PluginDefinition[]): PluginRegistry {
  const builtIn = builtInRegistry.types.flatMap((type) => builtInRegistry.find(type) ?? []);
  return createRegistry([...builtIn, ...more]);
}

/** How a decision came about; throws when nothing was filtered or rated. */
export function traceOf(decision: Scheduled): Trace {
  if (decision.kind !== "denied" && decision.trace !== undefined) return decision.trace;
  throw new TypeError(`Cannot trace a decision that ended with "${decision.kind}" before any filter`);
}
