import { noParameters } from "../scheduling/parameters.ts";
import { definePlugin, type PluginDefinition } from "../scheduling/plugin.ts";

/** Types that read request bodies, in the order in which they are asked by default. */
export const parserTypes: readonly string[] = ["openai-parser", "passthrough-parser"];

/** Plugin types of a config that belong to other parts of the picker: they can be named, and have no role in scheduling. */
export const componentPlugins: readonly PluginDefinition[] = [
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
