import type { DocumentPath } from "../lib/document.ts";
import { valueAt } from "../lib/document.ts";
import { z } from "../lib/schema.ts";
import { didYouMean } from "../lib/suggest.ts";
import { defaultParserTypes, parserTypes } from "./component-plugins.ts";
import { metricsExtractorType, metricsSourceType } from "./metrics-plugins.ts";
import type { PluginTable } from "./plugin-table.ts";
import type { Report } from "./report.ts";
import { apiVersion, dataSource, deprecatedApiVersion, reference } from "./schema.ts";

const gates = ["flowControl", "haPopulateNonLeaderDatastore"];

/** Sections that can be named in a file and are refused, with what holds instead. */
const refusedSections: readonly { path: DocumentPath; hint: string }[] = [
  { path: ["dataLayer", "discovery"], hint: "endpoints come from --endpoints FILE" },
  { path: ["dataLayer", "peerDiscovery"], hint: "each picker works alone" },
  { path: ["dataLayer", "crossReplicaSyncerPluginRef"], hint: "each picker works alone" },
  { path: ["dataLayer", "crossReplicaSyncInterval"], hint: "each picker works alone" },
];

/** Checks what has no part in scheduling: version, gates, sections of other parts of the picker. */
export function checkSections(report: Report, table: PluginTable): void {
  const { raw } = report.document;
  if (valueAt(raw, ["apiVersion"]) === deprecatedApiVersion) {
    report.warn(["apiVersion"], `"${deprecatedApiVersion}" is deprecated, expected "${apiVersion}"`);
  }
  checkGates(report);
  for (const { path, hint } of refusedSections) {
    if ((valueAt(raw, path) ?? undefined) === undefined) continue;
    report.problem(path, `not available in this version: ${hint}`, "key");
  }
  checkDataLayer(report, table);
}

/**
 * The types of parsers that read requests, in the order in which they are asked: `requestHandler.parsers`, or the deprecated
 * `parser`, or the defaults. A list that is given is used as it stands.
 */
export function readParsers(report: Report, table: PluginTable): readonly string[] {
  const listed = report.entries(reference.strip(), ["requestHandler", "parsers"]);
  const single = report.peek(reference.strip(), ["parser"]);
  if (single !== undefined) {
    report.warn(["parser"], "deprecated, expected requestHandler.parsers", "key");
    if (listed.length > 0) report.problem(["parser"], "given beside requestHandler.parsers, expected only that", "key");
    listed.push({ path: ["parser"], value: single });
  }
  if (listed.length === 0) return defaultParserTypes;
  const types = listed.flatMap(({ path, value: { pluginRef } }) => {
    const parser = table.resolveType(pluginRef, [...path, "pluginRef"], parserTypes);
    return parser === undefined ? [] : [parser.definition.type];
  });
  return [...new Set(types)];
}

function checkGates(report: Report): void {
  let isFlowControlAsked = false;
  for (const { path, value } of report.entries(z.string(), ["featureGates"])) {
    const [, name, setting = "true"] = /^([^=]+)(?:=(true|false))?$/.exec(value) ?? [];
    if (name === undefined) {
      report.problem(path, `malformed feature gate "${value}", expected "name" or "name=true" or "name=false"`);
    } else if (!gates.includes(name)) {
      const near = didYouMean(name, gates) || `, expected one of ${gates.join(", ")}`;
      report.problem(path, `unknown feature gate "${name}"${near}`);
    } else if (name !== "flowControl") {
      report.warn(path, `has no effect: every picker reads its endpoints' metrics itself`);
    } else if (setting === "true") {
      isFlowControlAsked = true;
      report.problem(path, "flow control is not available in this version: nothing is queued");
    }
  }
  const section = valueAt(report.document.raw, ["flowControl"]) ?? undefined;
  if (section === undefined || isFlowControlAsked) return;
  const what = "has no effect but for saturationDetector: the feature gate flowControl is off";
  report.warn(["flowControl"], what, "key");
}

function checkDataLayer(report: Report, table: PluginTable): void {
  const sources = report.entries(dataSource.partial({ extractors: true }).strip(), ["dataLayer", "sources"]);
  let extractors = 0;
  for (const { path, value } of sources) {
    table.resolveType(value.pluginRef, [...path, "pluginRef"], [metricsSourceType]);
    for (const extractor of report.entries(reference.strip(), [...path, "extractors"])) {
      extractors++;
      table.resolveType(extractor.value.pluginRef, [...extractor.path, "pluginRef"], [metricsExtractorType]);
    }
  }
  if (valueAt(report.document.raw, ["dataLayer", "injectDefaults"]) !== false || extractors > 0) return;
  const what = `metrics cannot be turned off, expected a source ${metricsSourceType} with ${metricsExtractorType}`;
  report.problem(["dataLayer", "injectDefaults"], what);
}
