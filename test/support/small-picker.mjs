// Runs a picker that holds little: `small-picker.mjs serve --endpoints FILE ...`, other arguments are ignored.
import { loadConfig } from "../../src/config/load.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import { defaultLimits } from "../../src/extproc/limits.ts";
import { startPicker } from "../../src/main.ts";
import { silentLogger } from "../../src/telemetry/logger.ts";

const rules = { file: "default", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
const picker = await startPicker({
  poolName: "pool",
  endpointsFile: process.argv[process.argv.indexOf("--endpoints") + 1],
  config: loadConfig(undefined, rules).config,
  host: "127.0.0.1",
  grpcPort: 0,
  grpcHealthPort: 0,
  metricsPort: 0,
  secureServing: false,
  scrapeIntervalMs: 50,
  drainMs: 0,
  logger: silentLogger,
  limits: { ...defaultLimits, bufferedBytes: 64 * 1024 * 1024 },
});
process.send({ grpcPort: picker.grpcPort, metricsPort: picker.metricsPort });
