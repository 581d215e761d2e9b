import { noParameters, notAvailable } from "../scheduling/parameters.ts";
import { definePlugin, type PluginDefinition } from "../scheduling/plugin.ts";
import { z } from "../lib/schema.ts";

/** Type that reads the model servers' metrics page. */
export const metricsSourceType = "metrics-data-source";
/** Type that turns a metrics page into signals. */
export const metricsExtractorType = "core-metrics-extractor";
/** Types that read request bodies, in the order in which they are asked by default. */
export const parserTypes: readonly string[] = ["openai-parser", "passthrough-parser"];

function unavailable(names: readonly string[]): z.ZodType<unknown> {
  return z.strictObject(Object.fromEntries(names.map((name) => [name, notAvailable])));
}

/** Plugin types of a config that belong to other parts of the picker: they can be named, and have no role in scheduling. */
export const componentPlugins: readonly PluginDefinition[] = [
  definePlugin({
    type: metricsSourceType,
    summary: "Reads GET /metrics of every endpoint; always on, with settings from the command line.",
    parameters: unavailable([
      "scheme",
      "path",
      "port",
      "insecureSkipVerify",
      "caCertPath",
      "clientCertPath",
      "clientKeyPath",
      "interval",
    ]),
    roles: [],
    create: () => ({}),
  }),
  definePlugin({
    type: metricsExtractorType,
    summary: "Takes load, KV cache and LoRA signals out of a metrics page; always on.",
    parameters: unavailable(["engineLabelKey", "defaultEngine", "engineConfigs"]),
    roles: [],
    create: () => ({}),
  }),
  definePlugin({
    type: "openai-parser",
    summary: "Reads the OpenAI APIs: completions and chat completions.",
    parameters: noParameters,
    roles: [],
    create: () => ({}),
  }),
  definePlugin({
    type: "passthrough-parser",
    summary: "Takes every request that no other parser claims and forwards it unread.",
    parameters: noParameters,
    roles: [],
    create: () => ({}),
  }),
];
