import { defaultConfigText } from "../../src/config/default-config.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { MetricsConfig } from "../../src/config/metrics-plugins.ts";
import { builtInRegistry } from "../../src/config/registry.ts";
import type { EndpointEntry } from "../../src/discovery/endpoints-file.ts";
import type { ClusterFacts } from "../../src/doctor/examine-cluster.ts";
import type { Observation, Read } from "../../src/doctor/observation.ts";
import { type DoctorReport, diagnose } from "../../src/doctor/report.ts";
import { createSurvey } from "../../src/doctor/survey-page.ts";
import { formatProblems } from "../../src/lib/document.ts";
import { createEngines } from "../../src/scrape/engines.ts";
import { createPageParser } from "../../src/scrape/parse.ts";

/** What a config text says about metrics; without one, the defaults. */
export function aMetricsConfig(text = defaultConfigText): MetricsConfig {
  const options = { file: "c.yaml", registry: builtInRegistry, allowExperimentalPlugins: false, hashKey: 1n };
  const loaded = loadConfig(text, options);
  if (loaded.kind === "invalid") throw new Error(formatProblems(loaded.problems));
  return loaded.config.metrics;
}

/** An endpoint on loopback as a file gives it. */
export function anEntry(name: string, port: number, more: Partial<EndpointEntry> = {}): EndpointEntry {
  return { name, namespace: "default", host: "127.0.0.1", port, labels: {}, ...more };
}

/** When a read of `observe` began, milliseconds since 1970. */
export const readWallMs = 1_700_000_000_000;

/** An endpoint whose reads gave `pages`, in order; a failure stands in place of a page. */
export function observe(
  name: string,
  pages: readonly (string | Read["result"])[],
  {
    labels = {},
    port = 8000,
    metrics = aMetricsConfig(),
  }: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly port?: number;
    readonly metrics?: MetricsConfig;
  } = {},
): Observation {
  const engine = createEngines(metrics).match({ labels });
  const [parse, survey] = [createPageParser(engine.metrics), createSurvey(engine.metrics)];
  const resultOf = (page: string): Read["result"] => {
    const bytes = Buffer.from(page);
    const reading = parse(bytes);
    if (reading.kind === "page") return { kind: "page", reading, facts: survey(bytes) };
    return { kind: "failed", reason: reading.kind, detail: reading.detail };
  };
  return {
    id: `default/${name}`,
    servingAddress: `10.0.0.7:${port}`,
    metricsAddress: `10.0.0.7:${port}`,
    engine,
    reads: pages.map((page) => ({
      startedWallMs: readWallMs,
      durationMs: 2.5,
      result: typeof page === "string" ? resultOf(page) : page,
    })),
  };
}

/** What is wrong with these endpoints, of a file or of a cluster. */
export function diagnosed(
  observations: readonly Observation[],
  metrics = aMetricsConfig(),
  cluster?: ClusterFacts,
): DoctorReport {
  const engines = [...createEngines(metrics).byName.values()];
  return diagnose({ observations, engines, engineLabelKey: metrics.engineLabelKey, path: "/metrics", cluster });
}
