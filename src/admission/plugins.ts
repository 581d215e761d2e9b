import type { PluginDefinition } from "../scheduling/plugin.ts";
import { concurrencyDetector } from "./concurrency-detector.ts";
import { utilizationDetector } from "./utilization-detector.ts";

/** Every plugin type that decides whether a request is admitted. */
export const admissionPlugins: readonly PluginDefinition[] = [utilizationDetector, concurrencyDetector];
