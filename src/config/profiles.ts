import type { DocumentPath } from "../lib/document.ts";
import { z } from "../lib/schema.ts";
import type { PluginRoles } from "../scheduling/plugin.ts";
import type { DeclaredPlugin, PluginTable } from "./plugin-table.ts";
import type { Report } from "./report.ts";
import { profileEntry, reference } from "./schema.ts";

/** A plugin in a profile. */
export interface DeclaredUse {
  readonly plugin: DeclaredPlugin;
  readonly weight: number;
  /** Where the use is written: an entry of the profile, or of `plugins` without profiles. */
  readonly path: DocumentPath;
}

/** A profile before its plugins are made. */
export interface DeclaredProfile {
  readonly name: string;
  /** Where it is written; the document's root for the one that is made without any. */
  readonly path: DocumentPath;
  readonly uses: readonly DeclaredUse[];
  readonly picker: DeclaredPlugin | undefined;
}

const profileRoles: readonly (keyof PluginRoles)[] = ["filter", "scorer", "picker"];
const defaultPicker = "max-score-picker";
const defaultHandler = "single-profile-handler";

/** Reads `schedulingProfiles`; without any, one profile holds every plugin that has a place in one, with weight 1. */
export function declareProfiles(report: Report, table: PluginTable): DeclaredProfile[] {
  const entries = report.entries(profileEntry.partial().strip().omit({ plugins: true }), ["schedulingProfiles"]);
  if (entries.length === 0) return [completeProfile(report, table)];
  const firstLines = new Map<string, number>();
  const profiles = entries.map(({ path, value: { name = "" } }) => {
    const firstLine = firstLines.get(name);
    if (firstLine !== undefined) {
      const what = `the name "${name}" is taken by the profile of line ${firstLine}, expected a new name`;
      report.problem([...path, "name"], what);
    } else if (name !== "") firstLines.set(name, report.document.problem(path, "").line);
    return declareProfile(name, path, report, table);
  });
  warnUnused(profiles, report, table);
  return profiles;
}

/** The handler that runs the profiles (protocol 6.2). */
export function declareHandler(
  report: Report,
  table: PluginTable,
  profiles: readonly DeclaredProfile[],
): DeclaredPlugin | undefined {
  const [handler, second] = table.withRole("profileHandler");
  if (second !== undefined) {
    const what = `"${second.name}" is a second profile handler beside "${handler?.name}", expected one`;
    report.problem(second.path ?? [], what);
    return undefined;
  }
  if (handler === undefined && profiles.length === 1) return table.addDefault(defaultHandler);
  if (handler === undefined) {
    const what = `${profiles.length} profiles and no profile handler, expected one in plugins`;
    report.problem(["schedulingProfiles"], what, "key");
  } else checkProfiles(handler, profiles, report);
  return handler;
}

function checkProfiles(handler: DeclaredPlugin, profiles: readonly DeclaredProfile[], report: Report): void {
  const { definition, parameters, path = [], name } = handler;
  const names = profiles.map((profile) => profile.name);
  const refusal = definition.refuseProfiles?.(parameters, names);
  if (refusal === undefined) return;
  const { parameter, message } = refusal;
  if (parameter === undefined) report.problem(path, `"${name}" ${message}`);
  else report.problem([...path, "parameters", parameter], message);
}

function completeProfile(report: Report, table: PluginTable): DeclaredProfile {
  const plugins = table.all.filter(hasPlace);
  const uses = plugins.map((plugin) => ({ plugin, weight: 1, path: plugin.path ?? [] }));
  return { name: "default", path: [], uses, picker: onlyPicker(uses, report, table) };
}

function declareProfile(name: string, path: DocumentPath, report: Report, table: PluginTable): DeclaredProfile {
  const uses: DeclaredUse[] = [];
  for (const entry of report.entries(reference.strip(), [...path, "plugins"])) {
    const plugin = table.resolve(entry.value.pluginRef, [...entry.path, "pluginRef"]);
    if (plugin === undefined) continue;
    const weight = report.peek(z.number(), [...entry.path, "weight"]);
    warnIdle(plugin, entry.path, weight, report);
    uses.push({ plugin, weight: weight ?? 1, path: entry.path });
  }
  return { name, path, uses, picker: onlyPicker(uses, report, table) };
}

function hasPlace({ definition }: DeclaredPlugin): boolean {
  return profileRoles.some((role) => definition.roles.includes(role));
}

function warnUnused(profiles: readonly DeclaredProfile[], report: Report, table: PluginTable): void {
  const used = new Set(profiles.flatMap(({ uses }) => uses.map(({ plugin }) => plugin)));
  for (const plugin of table.all.filter(hasPlace)) {
    // Saturation detectors have a part outside of profiles too: readDetector warns of theirs.
    if (plugin.definition.roles.includes("detector")) continue;
    if (plugin.path === undefined || used.has(plugin)) continue;
    report.warn(plugin.path, `has no effect: no profile uses "${plugin.name}" (${plugin.definition.type})`);
  }
}

function warnIdle(plugin: DeclaredPlugin, path: DocumentPath, weight: number | undefined, report: Report): void {
  const { name, definition } = plugin;
  if (!hasPlace(plugin)) {
    report.warn(path, `"${name}" (${definition.type}) does nothing in a profile, expected a filter, scorer or picker`);
  } else if (weight !== undefined && !definition.roles.includes("scorer")) {
    report.warn([...path, "weight"], `has no effect: "${name}" (${definition.type}) is not a scorer`);
  }
}

function onlyPicker(uses: readonly DeclaredUse[], report: Report, table: PluginTable): DeclaredPlugin | undefined {
  let picker: DeclaredPlugin | undefined;
  for (const { plugin, path } of uses) {
    if (!plugin.definition.roles.includes("picker")) continue;
    if (picker === undefined) picker = plugin;
    else {
      const what = `"${plugin.name}" is a second picker beside "${picker.name}", expected one a profile`;
      report.problem(path, what);
    }
  }
  return picker ?? table.addDefault(defaultPicker);
}
