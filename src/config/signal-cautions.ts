import type { PluginInput } from "../scheduling/plugin.ts";
import type { CautionRule, DeclaredConfig, PlacedCaution } from "./cautions.ts";
import { promptParserTypes } from "./component-plugins.ts";
import type { DeclaredUse } from "./profiles.ts";

/** Inputs in words. */
const inputNames: Readonly<Record<PluginInput, string>> = {
  waitingRequests: "waiting requests",
  runningRequests: "running requests",
  kvCacheRatio: "KV use",
  adapters: "LoRA adapters",
  cacheInfo: "the size of the KV cache",
  prompt: "prompts",
};

/** Signals that are guessed from the picker's own open requests where no endpoint shows them (DESIGN, decision 3). */
const guessed: ReadonlySet<PluginInput> = new Set(["waitingRequests", "runningRequests"]);

/** Plugins that read what nobody tells them. */
export const cautionSignals: readonly CautionRule[] = [
  (config, pool) => {
    const engines = pool.enginesOf(config.metrics);
    const known = new Set<PluginInput>(["prompt", ...engines.flatMap(({ signals }) => signals)]);
    const names = engines.map(({ engine }) => engine).join(", ");
    const unless = pool.endpointCount === undefined ? ", unless labels of endpoints name other engines" : "";
    if (engines.length === 0) return [];
    return blindUses(config, known, `no engine of the pool tells (${names})${unless}`);
  },
  (config) => {
    if (config.parsers.some((type) => promptParserTypes.includes(type))) return [];
    const known = new Set(Object.keys(inputNames).filter((input) => input !== "prompt"));
    return blindUses(config, known, `no parser of this config reads (${config.parsers.join(", ")})`);
  },
];

/** Uses of plugins all of whose inputs are unknown. */
function blindUses({ profiles }: DeclaredConfig, known: ReadonlySet<string>, why: string): PlacedCaution[] {
  const isBlind = ({ plugin: { definition } }: DeclaredUse): boolean => {
    const { reads = [] } = definition;
    return reads.length > 0 && !reads.some((input) => known.has(input));
  };
  return profiles
    .flatMap(({ uses }) => uses.filter(isBlind))
    .map(({ plugin, path }) => {
      const { reads = [] } = plugin.definition;
      const inputs = reads.map((input) => inputNames[input]).join(" and ");
      const effect = reads.some((input) => guessed.has(input))
        ? "goes by this picker's own open requests alone"
        : "tells no endpoints apart";
      return { path, message: `"${plugin.name}" ${effect}: it reads ${inputs}, which ${why}` };
    });
}
