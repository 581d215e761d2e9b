import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type MetricName, legacyNames, metricNames } from "./names.ts";

type Metrics = {
  readonly [K in keyof typeof metricNames]: (typeof metricNames)[K]["type"] extends "counter"
    ? Counter
    : (typeof metricNames)[K]["type"] extends "gauge"
      ? Gauge
      : Histogram;
};

/** All families on a registry of their own; two pickers in one process do not meet. */
export interface MetricsRegistry {
  readonly metrics: Metrics;
  /** Runs before every collection, for gauges that are read instead of kept. */
  onCollect(callback: () => void): void;
  /** The page in Prometheus text format, deprecated names included. */
  page(): Promise<string>;
  readonly contentType: string;
}

export function createRegistry(): MetricsRegistry {
  const registry = new Registry();
  const callbacks: (() => void)[] = [];
  const metrics = Object.fromEntries(
    Object.entries(metricNames).map(([key, name]) => [key, createMetric(name, registry)]),
  ) as unknown as Metrics;
  for (const { from, to, labels } of legacyNames)
    registry.registerMetric(renamed(metrics[from], to, labels) as Counter);
  return {
    metrics,
    onCollect: (callback) => callbacks.push(callback),
    page: () => {
      for (const callback of callbacks) callback();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
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
      const sums = new Map<string, MetricValue>();
      for (const sample of family.values as MetricValue[]) {
        const kept: Record<string, string | number> = {};
        for (const [name, origin] of Object.entries({ ...labels, le: "le" })) {
          const value = sample.labels[origin];
          if (value !== undefined) kept[name] = value;
        }
        const metricName = sample.metricName?.replace(family.name, to);
        const key = JSON.stringify([metricName, kept]);
        const before = sums.get(key)?.value ?? 0;
        sums.set(key, {
          value: before + sample.value,
          labels: kept,
          ...(metricName === undefined ? {} : { metricName }),
        });
      }
      return { ...family, name: to, help: `Deprecated name of ${family.name}.`, values: [...sums.values()] };
    },
    reset: () => {},
  };
}
