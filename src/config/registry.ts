import { admissionPlugins } from "../admission/plugins.ts";
import { createRegistry, type PluginRegistry, schedulingPlugins } from "../scheduling/registry.ts";
import { componentPlugins } from "./component-plugins.ts";
import { metricsPlugins } from "./metrics-plugins.ts";

/** Every plugin type that a config may name. */
export const builtInRegistry: PluginRegistry = createRegistry([
  ...schedulingPlugins,
  ...admissionPlugins,
  ...metricsPlugins,
  ...componentPlugins,
]);
