import type { DocumentPath } from "../lib/document.ts";
import type { DeclaredPlugin, PluginTable } from "./plugin-table.ts";
import type { DeclaredProfile } from "./profiles.ts";
import type { Report } from "./report.ts";
import { reference } from "./schema.ts";

const currentPath: DocumentPath = ["flowControl", "saturationDetector"];
const deprecatedPath: DocumentPath = ["saturationDetector"];
const defaultType = "utilization-detector";

/**
 * The plugin that says when the pool is full (protocol 6.8): the one that `flowControl.saturationDetector` or the deprecated
 * `saturationDetector` names, else the first detector of `plugins`, else a `utilization-detector` with defaults. Undefined
 * when a reference is wrong, which is a problem, or the registry lacks the default. Warns of other detectors that no
 * profile uses as a filter.
 */
export function readDetector(
  report: Report,
  table: PluginTable,
  profiles: readonly DeclaredProfile[],
): DeclaredPlugin | undefined {
  const chosen = chooseDetector(report, table);
  for (const plugin of table.withRole("detector")) {
    const isUsed = profiles.some(({ uses }) => uses.some((use) => use.plugin === plugin));
    if (plugin === chosen || chosen === undefined || isUsed) continue;
    const what = `has no effect: "${chosen.name}" is the saturation detector, no profile uses "${plugin.name}" (${plugin.definition.type})`;
    report.warn(plugin.path ?? [], what);
  }
  return chosen;
}

function chooseDetector(report: Report, table: PluginTable): DeclaredPlugin | undefined {
  const deprecated = report.peek(reference.strip(), deprecatedPath);
  if (deprecated !== undefined) {
    report.warn(deprecatedPath, "deprecated, expected flowControl.saturationDetector", "key");
  }
  const current = report.peek(reference.strip(), currentPath);
  const named = current ?? deprecated;
  if (named === undefined) return table.withRole("detector")[0] ?? table.addKnownDefault(defaultType);
  const path = [...(current === undefined ? deprecatedPath : currentPath), "pluginRef"];
  const found = table.resolve(named.pluginRef, path);
  if (found === undefined || found.definition.roles.includes("detector")) return found;
  report.problem(path, `"${found.name}" is of type ${found.definition.type}, expected a saturation detector`);
  return undefined;
}
