import { setImmediate } from "node:timers/promises";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type MetricName, legacyNames, metricNames, streamMetricNames } from "./names.ts";

type MetricsOf<Names extends Record<string, MetricName>> = {
  readonly [K in keyof Names]: Names[K]["type"] extends "counter"
    ? Counter
    : Names[K]["type"] extends "gauge"
      ? Gauge
      : Histogram;
};

/** All families on a registry of their own; two pickers in one process do not meet. */
export interface MetricsRegistry {
  readonly metrics: MetricsOf<typeof metricNames>;
  /** Adds the families that are there on demand only; once. */
  addStreamMetrics(): MetricsOf<typeof streamMetricNames>;
  /** Runs before every collection, for gauges that are read instead of kept. */
  onCollect(callback: () => void): void;
  /** The page in Prometheus text format, deprecated names included. Who asks while one is printed gets that one. */
  page(): Promise<string>;
  readonly contentType: string;
}

export function createRegistry(): MetricsRegistry {
  const registry = new Registry();
  const callbacks: (() => void)[] = [];
  const create = <Names extends Record<string, MetricName>>(names: Names): MetricsOf<Names> =>
    Object.fromEntries(
      Object.entries(names).map(([key, name]) => [key, createMetric(name, registry)]),
    ) as unknown as MetricsOf<Names>;
  const metrics = create(metricNames);
  for (const { from, to, labels } of legacyNames)
    registry.registerMetric(renamed(metrics[from], to, labels) as Counter);
  let underWay: Promise<string> | undefined;
  return {
    metrics,
    addStreamMetrics: () => create(streamMetricNames),
    onCollect: (callback) => callbacks.push(callback),
    page: () =>
      (underWay ??= printPage(registry, callbacks).finally(() => {
        underWay = undefined;
      })),
    contentType: registry.contentType,
  };
}

/** One family a turn of the event loop: with a thousand models a page has tens of megabytes, and decisions would wait for it. */
async function printPage(registry: Registry, callbacks: readonly (() => void)[]): Promise<string> {
  for (const callback of callbacks) callback();
  const families: string[] = [];
  for (const { name } of registry.getMetricsAsArray() as unknown as readonly { readonly name: string }[]) {
    families.push(await registry.getSingleMetricAsString(name));
    await setImmediate();
  }
  return `${families.join("\n\n")}\n`;
}

function createMetric(name: MetricName, registry: Registry): Counter | Gauge | Histogram {
  const options = {
    name: name.name,
    help: name.name.startsWith("llm_d_") ? `[ALPHA] ${name.help}` : name.help,
    labelNames: [...name.labels],
    registers: [registry],
  };
  switch (name.type) {
    case "counter":
      return new Counter(options);
    case "gauge":
      return new Gauge(options);
    case "histogram":
      return new Histogram({ ...options, buckets: [...(name.buckets ?? [])] });
  }
}

interface MetricValue {
  value: number;
  labels: Partial<Record<string, string | number>>;
  metricName?: string;
}

/**
 * A family that exists only while it is collected: the values of `source` under another name and fewer labels, summed
 * where labels fall together. The hot path pays for one name only.
 */
function renamed(source: Counter | Gauge | Histogram, to: string, labels: Readonly<Record<string, string>>): unknown {
  return {
    name: to,
    get: async () => {
      const family = await source.get();
      const kept = Object.entries({ ...labels, le: "le" });
      const sums = new Map<string, MetricValue>();
      for (const sample of family.values as MetricValue[]) {
        let key = sample.metricName ?? "";
        for (const [, origin] of kept) key += `\n${sample.labels[origin] ?? ""}`;
        const sum = sums.get(key);
        if (sum === undefined) sums.set(key, renameSample(sample, { from: family.name, to, kept }));
        else sum.value += sample.value;
      }
      return { ...family, name: to, help: `Deprecated name of ${family.name}.`, values: [...sums.values()] };
    },
    reset: () => {},
  };
}

/** The sample under the new family's name, with the labels that it keeps. */
function renameSample(
  { value, labels, metricName }: MetricValue,
  { from, to, kept }: { from: string; to: string; kept: readonly (readonly [name: string, origin: string])[] },
): MetricValue {
  const renamed: MetricValue["labels"] = {};
  for (const [name, origin] of kept) if (labels[origin] !== undefined) renamed[name] = labels[origin];
  return { value, labels: renamed, ...(metricName === undefined ? {} : { metricName: metricName.replace(from, to) }) };
}
