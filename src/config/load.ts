import { createHash } from "node:crypto";
import { formatProblems, inOrder, type Problem, readDocument } from "../lib/document.ts";
import type { PluginIdentity, SchedulingPlan } from "../scheduling/plan.ts";
import { buildPlan, partRoles, resolveNeeds } from "./build-plan.ts";
import { type PoolFacts, warnOfCautions } from "./cautions.ts";
import { defaultConfigText } from "./default-config.ts";
import { readDetector } from "./detector.ts";
import { type MetricsConfig, readMetrics } from "./metrics-plugins.ts";
import { type PluginRules, PluginTable } from "./plugin-table.ts";
import { declareHandler, declareProfiles } from "./profiles.ts";
import { Report } from "./report.ts";
import { configSchema } from "./schema.ts";
import { checkSections, readParsers } from "./sections.ts";

/** An EndpointPickerConfig ready to run. Frozen; only the plan's producers learn. */
export interface CompiledConfig {
  /** Where the text came from. */
  readonly file: string;
  /** What it was compiled from. */
  readonly text: string;
  /** First 12 hex digits of the SHA-256 of the text: the same text has the same revision everywhere. */
  readonly revision: string;
  readonly plan: SchedulingPlan;
  /** Types of the request parsers, in the order in which they are asked. */
  readonly parsers: readonly string[];
  readonly metrics: MetricsConfig;
  /** Every plugin, in the order of the file, those added as defaults last. */
  readonly plugins: readonly PluginIdentity[];
}

/** How to load a config. */
export interface LoadOptions extends PluginRules {
  /** Name of the file in problems. */
  readonly file: string;
  /** Secret of this process for keyed hashes; 64 bits are used. */
  readonly hashKey: bigint;
  /** Also warns of what the config says without an effect on this pool, or with a bad one; absent: it does not. */
  readonly pool?: PoolFacts;
}

/** A config, or everything that is wrong with its text; `warnings` are about what is accepted without an effect. */
export type LoadedConfig =
  | { readonly kind: "ok"; readonly config: CompiledConfig; readonly warnings: readonly Problem[] }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** The config that was loaded; throws an error that names `file` and every problem when it cannot be used. */
export function configOf(loaded: LoadedConfig, file: string): CompiledConfig {
  if (loaded.kind === "ok") return loaded.config;
  throw new Error(`Cannot use config "${file}":\n${formatProblems(loaded.problems)}`);
}

/** Loads an EndpointPickerConfig (protocol 6). No text, or one without content, gives the default profile of protocol 6.2. */
export function loadConfig(text: string | undefined, options: LoadOptions): LoadedConfig {
  const given = readDocument(text ?? "", options.file);
  if (!given.isEmpty || given.problems.length > 0) return compile(text ?? "", new Report(given), options);
  const report = new Report(readDocument(defaultConfigText, options.file));
  if (text !== undefined) report.warnings.push(given.problem([], "the file is empty: the default profile is used"));
  return compile(defaultConfigText, report, options);
}

function compile(text: string, report: Report, options: LoadOptions): LoadedConfig {
  if (!report.document.isReadable) return invalid(report);
  report.check(configSchema, []);
  const table = new PluginTable(report, options);
  checkSections(report, table);
  const parsers = readParsers(report, table);
  const metrics = readMetrics(report, table);
  const profiles = declareProfiles(report, table);
  const handler = declareHandler(report, table, profiles);
  const detector = readDetector(report, table, profiles);
  const parts = table.all.filter(({ definition }) => partRoles.some((role) => definition.roles.includes(role)));
  const used = profiles.flatMap(({ uses, picker }) => [...uses.map(({ plugin }) => plugin), picker]);
  const rooted = [...used, handler, ...parts, detector].filter((plugin) => plugin !== undefined);
  const { producers, needs } = resolveNeeds(rooted, report, table);
  if (report.problems.length > 0 || handler === undefined) return invalid(report);
  if (options.pool !== undefined) {
    warnOfCautions(report, { profiles, plugins: table.all, metrics, parsers }, options.pool);
  }
  const plan = buildPlan({ profiles, handler, parts, detector, producers, needs }, options.hashKey);
  const config: CompiledConfig = Object.freeze({
    file: options.file,
    text,
    revision: createHash("sha256").update(text).digest("hex").slice(0, 12),
    plan,
    parsers: Object.freeze([...parsers]),
    metrics: Object.freeze(metrics),
    plugins: Object.freeze(table.all.map(({ name, definition: { type } }) => Object.freeze({ name, type }))),
  });
  return { kind: "ok", config, warnings: inOrder(report.warnings) };
}

function invalid({ problems, warnings }: Report): LoadedConfig {
  return { kind: "invalid", problems: inOrder(problems), warnings: inOrder(warnings) };
}
