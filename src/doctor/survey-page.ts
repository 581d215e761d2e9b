import { createHash } from "node:crypto";
import { matchesSpec } from "../lib/metric-spec.ts";
import { createLineFilter } from "../scrape/metric-lines.ts";
import { asCount, asRatio, asTotal } from "../scrape/metric-value.ts";
import type { ModelServerMetrics } from "../scrape/model-servers.ts";
import { valueOfRanks } from "../scrape/parse.ts";
import { parseSampleLine } from "../scrape/series.ts";
import type { FamilyFacts, ObservedSeries, PageFacts, RankLoad } from "./observation.ts";
import { type WantedMetric, wantedMetrics } from "./wanted-metrics.ts";

/** Most metric names that are kept of a page, and longest name: a page never sizes our memory. */
const maxNames = 5_000;
const maxNameLength = 200;

/** Returns a function that says what a page is made of. It never throws and keeps no part of the page. */
export function createSurvey(metrics: ModelServerMetrics): (page: Buffer) => PageFacts {
  const wanted = wantedMetrics(metrics);
  const filter = createLineFilter(
    wanted.map(({ spec, reading }) => ({
      name: spec.name,
      newestOnly: reading === "adapters" && spec.labels.size === 0,
    })),
  );
  return (page) => {
    const { byFamily, types, lineCount } = filter(page);
    const names = countNames(page);
    const families = wanted.map((metric) => ({
      wanted: metric,
      type: types.get(metric.spec.name),
      lines: names.get(metric.spec.name) ?? 0,
      series: seriesOf(byFamily.get(metric.spec.name) ?? [], metric),
    }));
    return {
      lines: lineCount,
      names,
      families,
      ranks: ranksOf(families),
      newestTimestampMs: newestTimestamp(families),
      digest: createHash("sha256").update(page).digest("base64"),
    };
  };
}

function seriesOf(lines: readonly string[], { spec }: WantedMetric): ObservedSeries[] {
  return lines.flatMap((line) => {
    const series = parseSampleLine(line);
    if (series === undefined || !matchesSpec(spec, series.labels)) return [];
    return { ...series, valueText: valueText(line) };
  });
}

/** The text of the value in a sample line that could be parsed. */
function valueText(line: string): string {
  const afterLabels = line.lastIndexOf("}");
  const words = line
    .slice(afterLabels + 1)
    .trim()
    .split(/[ \t]+/);
  return (afterLabels === -1 ? words[1] : words[0]) ?? "";
}

function countNames(page: Buffer): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [, name = ""] of page.toString("latin1").matchAll(/^[ \t]*([a-zA-Z_:][\w:]*)(?=[ \t{])/gm)) {
    if (name.length > maxNameLength || (names.size >= maxNames && !names.has(name))) continue;
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return names;
}

const readers = { count: asCount, total: asTotal, ratio: asRatio } as const;

function ranksOf(families: readonly FamilyFacts[]): RankLoad[] {
  const valuesOf = (signal: WantedMetric["signal"]): ReadonlyMap<string, number | undefined> => {
    const family = families.find(({ wanted }) => wanted.signal === signal);
    const reading = family?.wanted.reading ?? "count";
    if (family === undefined || !isReader(reading)) return new Map();
    return valueOfRanks(family.series, readers[reading]);
  };
  const [waiting, running, kv] = [valuesOf("waitingRequests"), valuesOf("runningRequests"), valuesOf("kvCacheRatio")];
  const ranks = [...new Set([...waiting.keys(), ...running.keys(), ...kv.keys()])].toSorted((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  return ranks.map((rank) => ({
    rank,
    waitingRequests: waiting.get(rank) ?? Number.NaN,
    runningRequests: running.get(rank) ?? Number.NaN,
    kvCacheRatio: kv.get(rank) ?? Number.NaN,
  }));
}

function isReader(reading: string): reading is keyof typeof readers {
  return Object.hasOwn(readers, reading);
}

function newestTimestamp(families: readonly FamilyFacts[]): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { series } of families) {
    for (const { timestampMs } of series) newest = Math.max(newest, timestampMs);
  }
  return newest;
}
