import { forEachJsonLine, isJsonObject, type JsonObject } from "../traces/json-lines.ts";
import { describeValue, type RowProblems } from "../traces/row-problems.ts";
import type { Labels, SeriesCollector } from "./series-collector.ts";
import { readValue } from "./text-samples.ts";

/** What a response of the Prometheus API is. */
export type ResultType = "matrix" | "vector";

/** The kind of result in a response of the Prometheus API; undefined for anything else. */
export function resultTypeOf(value: unknown): ResultType | undefined {
  if (!isJsonObject(value)) return undefined;
  const data = isJsonObject(value["data"]) ? value["data"] : value;
  const type = data["resultType"];
  return (type === "matrix" || type === "vector") && Array.isArray(data["result"]) ? type : undefined;
}

/** Reads a response of the Prometheus API: a matrix (range queries, range selectors) or a vector. Times are in seconds. */
export function readApiResponse(response: JsonObject, into: SeriesCollector, problems: RowProblems): void {
  const data = isJsonObject(response["data"]) ? response["data"] : response;
  for (const [index, series] of (data["result"] as unknown[]).entries()) {
    const metric = isJsonObject(series) ? series["metric"] : undefined;
    if (!isJsonObject(series) || !isJsonObject(metric)) {
      problems.atItem(index, `metric ${describeValue(metric)}`, "an object with labels");
      continue;
    }
    const points: unknown = series["values"] ?? (series["value"] === undefined ? undefined : [series["value"]]);
    if (!Array.isArray(points)) problems.atItem(index, `values ${describeValue(points)}`, "a list of [time, value]");
    else addPoints({ labels: readLabels(metric), points, index }, into, problems);
  }
}

function addPoints(
  { labels, points, index }: { readonly labels: Labels; readonly points: readonly unknown[]; readonly index: number },
  into: SeriesCollector,
  problems: RowProblems,
): void {
  const { __name__: name = "" } = labels;
  if (name === "") return problems.atItem(index, "a series without a name", "__name__; functions of PromQL drop it");
  for (const point of points) {
    const [seconds, text]: unknown[] = Array.isArray(point) ? point : [];
    const value = typeof text === "string" ? readValue(text) : undefined;
    if (typeof seconds !== "number" || value === undefined) {
      problems.atItem(index, "a point that is no pair of time and value", "[seconds, text]");
    } else into.add({ name, labels, timeMs: seconds * 1000, value });
  }
}

/** True for the object on a line of VictoriaMetrics' export. */
export function isExportLine(object: JsonObject): boolean {
  return isJsonObject(object["metric"]) && Array.isArray(object["values"]) && Array.isArray(object["timestamps"]);
}

/** Reads VictoriaMetrics' export: an object with `metric`, `values` and `timestamps` (ms) a line; null is no number. */
export function readExport(text: string, into: SeriesCollector, problems: RowProblems): void {
  forEachJsonLine(text, problems, (object, line) => {
    const { metric, values, timestamps } = object;
    if (!isJsonObject(metric) || !Array.isArray(values) || !Array.isArray(timestamps)) {
      return problems.atLine(line, "an object without metric, values and timestamps", "a line of an export");
    }
    if (values.length !== timestamps.length) {
      return problems.atLine(line, `${values.length} values for ${timestamps.length} timestamps`, "as many of both");
    }
    const labels = readLabels(metric);
    const { __name__: name = "" } = labels;
    for (const [i, timeMs] of timestamps.entries()) {
      const value: unknown = values[i];
      if (typeof timeMs === "number" && typeof value === "number") into.add({ name, labels, timeMs, value });
    }
  });
}

function readLabels(metric: JsonObject): Labels {
  return Object.fromEntries(
    Object.entries(metric).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
