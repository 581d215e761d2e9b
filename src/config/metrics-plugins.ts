import { parseDurationMs } from "../lib/duration.ts";
import { parseMetricSpec } from "../lib/metric-spec.ts";
import { z } from "../lib/schema.ts";
import { didYouMean } from "../lib/suggest.ts";
import { definePlugin, type PluginDefinition } from "../scheduling/plugin.ts";
import type { PluginTable } from "./plugin-table.ts";
import type { Report } from "./report.ts";

/** Type that reads the model servers' metrics page. */
export const metricsSourceType = "metrics-data-source";
/** Type that turns a metrics page into signals. */
export const metricsExtractorType = "core-metrics-extractor";

/** Names of the engines that need no entry in `engineConfigs` (protocol 5.1); their metrics are known to the scrape room. */
export const builtInEngines: readonly string[] = ["vllm", "sglang", "trtllm-serve", "triton-tensorrt-llm", "triton"];

/** Name that no engine may have: it stands for whatever is the default. */
const reservedEngine = "default";

/** Where and how metrics pages are read. */
export interface MetricsSourceConfig {
  readonly scheme: "http" | "https";
  /** Starts with a slash. */
  readonly path: string;
  /** undefined: each endpoint's own port. */
  readonly port?: number | undefined;
  readonly insecureSkipVerify: boolean;
  /** Files in PEM; undefined: the system's authorities, no client certificate. */
  readonly caCertPath?: string | undefined;
  readonly clientCertPath?: string | undefined;
  readonly clientKeyPath?: string | undefined;
  /** Milliseconds, at least 50; undefined: what the command line says. */
  readonly interval?: number | undefined;
}

/** The metrics of an engine that a config describes; undefined where it has none. All specs can be read. */
export interface EngineMetrics {
  readonly engine: string;
  readonly waitingRequests: string | undefined;
  readonly runningRequests: string | undefined;
  readonly kvCacheRatio: string | undefined;
  readonly adapters: string | undefined;
  readonly cacheInfo:
    | { readonly spec: string; readonly blockSizeLabel: string; readonly blocksLabel: string }
    | undefined;
  readonly cacheBlockSize: string | undefined;
  readonly cacheBlocks: string | undefined;
}

/** What a config says about metrics. */
export interface MetricsConfig {
  readonly source: MetricsSourceConfig;
  /** Label of an endpoint that names its engine. */
  readonly engineLabelKey: string;
  /** One of `engines` or of the built-in ones. */
  readonly defaultEngine: string;
  /** In the order of the file. */
  readonly engines: readonly EngineMetrics[];
}

const minIntervalMs = 50;

const path = z.string().transform((text, context) => {
  if (/^[\x21-\x7e]*$/.test(text) && !text.includes("#")) return text.startsWith("/") ? text : `/${text}`;
  context.addIssue({ code: "custom", message: `expected a path such as /metrics, got ${JSON.stringify(text)}` });
  return z.NEVER;
});

const interval = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return Math.max(minIntervalMs, ms);
  context.addIssue({ code: "custom", message: `expected a duration such as 200ms, got ${JSON.stringify(text)}` });
  return z.NEVER;
});

/** A file name; an empty one is none. */
const file = z.string().transform((text) => text || undefined);

const sourceParameters = z
  .strictObject({
    scheme: z.enum(["http", "https"]).default("http"),
    path: path.default("/metrics"),
    port: z.int().min(1).max(65_535).optional(),
    insecureSkipVerify: z.boolean().default(true),
    caCertPath: file.optional(),
    clientCertPath: file.optional(),
    clientKeyPath: file.optional(),
    interval: interval.optional(),
  })
  .superRefine(({ clientCertPath, clientKeyPath }, context) => {
    if ((clientCertPath === undefined) === (clientKeyPath === undefined)) return;
    const [given, lacking] = clientCertPath === undefined ? ["Key", "Cert"] : ["Cert", "Key"];
    const message = `given without client${lacking}Path, expected both or none`;
    context.addIssue({ code: "custom", message, path: [`client${given}Path`] });
  });

/** A metric spec, or undefined for none: an empty text turns the metric off. */
const spec = z.string().transform((text, context) => {
  if (text.trim() === "") return undefined;
  try {
    parseMetricSpec(text);
    return text;
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
    return z.NEVER;
  }
});

const engineParameters = z.strictObject({
  name: z.string().min(1),
  queuedRequestsSpec: spec.nullish(),
  runningRequestsSpec: spec.nullish(),
  kvUsageSpec: spec.nullish(),
  loraSpec: spec.nullish(),
  cacheInfoSpec: spec.nullish(),
  cacheBlockSizeLabelName: z.string().nullish(),
  cacheNumBlocksLabelName: z.string().nullish(),
  cacheBlockSizeSpec: spec.nullish(),
  cacheNumBlocksSpec: spec.nullish(),
  customMetrics: z
    .array(z.unknown())
    .refine((list) => list.length === 0, {
      error: "not available in this version: no plugin reads metrics beyond those of the other fields",
    })
    .nullish(),
});

const extractorParameters = z
  .strictObject({
    engineLabelKey: z.string().default("llm-d.ai/engine-type"),
    defaultEngine: z.string().default("vllm"),
    engineConfigs: z.array(engineParameters).default([]),
  })
  .superRefine(({ defaultEngine, engineConfigs }, context) => {
    const names = engineConfigs.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      const fail = (message: string): void => {
        context.addIssue({ code: "custom", message, path: ["engineConfigs", index, "name"] });
      };
      if (name === reservedEngine) fail(`the name "${name}" is reserved, expected another`);
      const first = names.indexOf(name);
      if (first < index) fail(`the name "${name}" is taken by engineConfigs[${first}], expected a new name`);
    }
    const known = [...new Set([...names, ...builtInEngines])];
    if (defaultEngine === "" || known.includes(defaultEngine)) return;
    const near = didYouMean(defaultEngine, known) || `, expected one of ${known.join(", ")}`;
    context.addIssue({ code: "custom", message: `no engine named "${defaultEngine}"${near}`, path: ["defaultEngine"] });
  });

type SourceParameters = z.output<typeof sourceParameters>;
type ExtractorParameters = z.output<typeof extractorParameters>;

/** The two plugin types that a config may name for metrics. */
export const metricsPlugins: readonly PluginDefinition[] = [
  definePlugin<SourceParameters>({
    type: metricsSourceType,
    summary: "Reads the metrics page of every endpoint; always on.",
    parameters: sourceParameters,
    roles: [],
    create: () => ({}),
    caution: ({ scheme, insecureSkipVerify, caCertPath, clientCertPath }) => {
      if (scheme === "https") {
        if (caCertPath === undefined || !insecureSkipVerify) return undefined;
        const message = "has no effect: insecureSkipVerify is true, expected false to verify the servers' certificates";
        return { parameter: "caCertPath", message };
      }
      const parameter = caCertPath === undefined ? "clientCertPath" : "caCertPath";
      if (caCertPath === undefined && clientCertPath === undefined) return undefined;
      return { parameter, message: "has no effect: the scheme is http" };
    },
  }),
  definePlugin<ExtractorParameters>({
    type: metricsExtractorType,
    summary: "Takes load, KV cache and LoRA signals out of a metrics page; always on.",
    parameters: extractorParameters,
    roles: [],
    create: () => ({}),
  }),
];

/** What the config says about metrics; more than one plugin of either type is a problem. */
export function readMetrics(report: Report, table: PluginTable): MetricsConfig {
  const source = onlyParameters(report, table, metricsSourceType) as SourceParameters | undefined;
  const extractor = onlyParameters(report, table, metricsExtractorType) as ExtractorParameters | undefined;
  const { engineLabelKey, defaultEngine, engineConfigs } = extractor ?? extractorParameters.parse({});
  return {
    source: Object.freeze(source ?? sourceParameters.parse({})),
    engineLabelKey: engineLabelKey || "llm-d.ai/engine-type",
    defaultEngine: defaultEngine || "vllm",
    engines: Object.freeze(engineConfigs.map((engine) => Object.freeze(describeEngine(engine)))),
  };
}

function onlyParameters(report: Report, table: PluginTable, type: string): unknown {
  const [first, ...others] = table.all.filter(({ definition }) => definition.type === type);
  for (const { name, path: at } of others) {
    const what = `"${name}" is a second ${type} beside "${first?.name}", expected one: every endpoint has one metrics page`;
    report.problem(at ?? [], what);
  }
  return first?.parameters;
}

function describeEngine(given: ExtractorParameters["engineConfigs"][number]): EngineMetrics {
  const { cacheInfoSpec } = given;
  const blockSizeLabel = given.cacheBlockSizeLabelName || "block_size";
  const blocksLabel = given.cacheNumBlocksLabelName || "num_gpu_blocks";
  return {
    engine: given.name,
    waitingRequests: given.queuedRequestsSpec ?? undefined,
    runningRequests: given.runningRequestsSpec ?? undefined,
    kvCacheRatio: given.kvUsageSpec ?? undefined,
    adapters: given.loraSpec ?? undefined,
    cacheInfo: cacheInfoSpec ? Object.freeze({ spec: cacheInfoSpec, blockSizeLabel, blocksLabel }) : undefined,
    cacheBlockSize: given.cacheBlockSizeSpec ?? undefined,
    cacheBlocks: given.cacheNumBlocksSpec ?? undefined,
  };
}
