import { dirname, resolve } from "node:path";
import { defaultConfigText } from "../../src/config/default-config.ts";
import { decodeDocument, formatProblems, readDocument, type SourceDocument } from "../../src/lib/document.ts";
import { z } from "../../src/lib/schema.ts";
import { formatYaml } from "../../src/lib/yaml-text.ts";
import type { PolicySpec } from "./plan.ts";

const listOf = (item: z.ZodType<number>): z.ZodType<number[]> => z.array(item).min(1);
const above0 = z.number().positive();
const count = z.int().min(1);

const sweepSchema = z.strictObject({
  trace: z.string().min(1).optional(),
  scenario: z.string().min(1).optional(),
  preset: z.string().min(1).optional(),
  seeds: count.optional(),
  policies: z.array(z.string().min(1)).min(1).optional(),
  weights: z
    .strictObject({
      config: z.string().min(1).optional(),
      grid: z.record(z.string(), listOf(z.number().min(0))),
    })
    .optional(),
  rateScales: listOf(above0).optional(),
  replicas: listOf(count).optional(),
  scrapeMs: listOf(above0).optional(),
});

/** What a sweep varies, and what it sets for all. Absent: left to the command line. */
export interface Sweep {
  readonly trace?: string | undefined;
  readonly scenario?: string | undefined;
  readonly preset?: string | undefined;
  readonly seeds?: number | undefined;
  readonly policies?: readonly string[] | undefined;
  /** Configs that differ in weights, one for each combination of the grid. */
  readonly weighted: readonly PolicySpec[];
  readonly rateScales?: readonly number[] | undefined;
  readonly replicas?: readonly number[] | undefined;
  readonly scrapeMs?: readonly number[] | undefined;
}

/**
 * Reads a sweep. Paths in it are relative to its folder; `readText` reads the config that weights are put into. Throws an error with
 * every problem, each with its place.
 */
export function readSweep(text: string, file: string, readText: (path: string) => string): Sweep {
  const decoded = decodeDocument(text, { file, schema: sweepSchema });
  if (decoded.kind === "invalid") throw new TypeError(formatProblems(decoded.problems));
  const { weights, trace, policies, ...rest } = decoded.value;
  const locate = (path: string): string => resolve(dirname(file), path);
  const { config } = weights ?? {};
  const base = config === undefined ? defaultConfigText : readText(locate(config));
  return {
    ...rest,
    trace: trace === undefined ? undefined : locate(trace),
    policies: policies?.map((policy) => (/[./]/.test(policy) ? locate(policy) : policy)),
    weighted: weights === undefined ? [] : putWeights(base, weights.grid, decoded.document),
  };
}

/** A config for each combination, in the order of the grid, its last field running fastest. */
function putWeights(
  base: string,
  grid: Readonly<Record<string, readonly number[]>>,
  sweep: SourceDocument,
): PolicySpec[] {
  const unknown = Object.keys(grid).filter((plugin) => replaceWeights(base, { [plugin]: 0 }) === undefined);
  if (unknown.length > 0) {
    const message = "no profile of the config refers to this plugin";
    throw new TypeError(
      formatProblems(unknown.map((plugin) => sweep.problem(["weights", "grid", plugin], message, "key"))),
    );
  }
  let combinations: Readonly<Record<string, number>>[] = [{}];
  for (const [plugin, values] of Object.entries(grid)) {
    combinations = combinations.flatMap((combination) => values.map((value) => ({ ...combination, [plugin]: value })));
  }
  return combinations.map((weights) => {
    const name = Object.entries(weights)
      .map(([plugin, weight]) => `${plugin.replace(/-scorer$/, "")}=${weight}`)
      .join(" ");
    return { name, text: replaceWeights(base, weights) ?? base, file: name };
  });
}

/** Undefined when a plugin is referred to nowhere. */
function replaceWeights(text: string, weights: Readonly<Record<string, number>>): string | undefined {
  const config = readDocument(text, "config").raw as {
    schedulingProfiles?: { plugins?: { pluginRef?: string; weight?: number }[] }[];
  };
  const missing = new Set(Object.keys(weights));
  for (const { plugins = [] } of config.schedulingProfiles ?? []) {
    for (const plugin of plugins) {
      const weight = weights[plugin.pluginRef ?? ""];
      if (weight === undefined) continue;
      plugin.weight = weight;
      missing.delete(plugin.pluginRef ?? "");
    }
  }
  return missing.size === 0 ? formatYaml(config) : undefined;
}
