import { parseDurationMs } from "../lib/duration.ts";
import type { CautionRule } from "./cautions.ts";
import { metricsSourceType } from "./metrics-plugins.ts";

/** Age at which a sample counts as old: the default of --metrics-staleness-threshold. */
const staleMs = 2000;
/** Time between scrapes when the config does not say: the default of --refresh-metrics-interval. */
const defaultIntervalMs = 50;
/** Parameters, of whatever plugin, that say from which age on a sample does not count. */
const ageParameters = ["metricsStalenessThreshold"];

/** Ages of samples that are reached between two scrapes. */
export const cautionThresholds: readonly CautionRule[] = [
  ({ plugins, metrics }) => {
    const { interval } = metrics.source;
    const source = plugins.find(({ definition }) => definition.type === metricsSourceType);
    if (interval === undefined || interval < staleMs) return [];
    const path = [...(source?.path ?? []), "parameters", "interval"];
    const message = `${interval} ms between scrapes, expected less than ${staleMs} ms: samples count as old from that age on (--metrics-staleness-threshold)`;
    return [{ path, message }];
  },
  ({ plugins, metrics }) => {
    const intervalMs = metrics.source.interval ?? defaultIntervalMs;
    return plugins.flatMap(({ name, path, parameters }) =>
      ageParameters.flatMap((parameter) => {
        const ageMs = durationOf(parameters, parameter);
        // Nobody wrote what was added as a default.
        if (path === undefined || ageMs === undefined || ageMs > intervalMs) return [];
        const message = `${ageMs} ms is reached between two scrapes, ${intervalMs} ms apart: samples go stale for "${name}" though nothing is wrong, expected several intervals`;
        return { path: [...path, "parameters", parameter], message };
      }),
    );
  },
];

/** A duration among parameters, in milliseconds: decoded to a number, or still as text. */
function durationOf(parameters: unknown, name: string): number | undefined {
  if (typeof parameters !== "object" || parameters === null || !Object.hasOwn(parameters, name)) return undefined;
  const value = (parameters as Readonly<Record<string, unknown>>)[name];
  if (typeof value === "string") return parseDurationMs(value);
  return typeof value === "number" ? value : undefined;
}
