import { printableText } from "../lib/printable-text.ts";
import { asCount, asRatio, asTotal, maxCount } from "../scrape/metric-value.ts";
import type { PageReading } from "../scrape/parse.ts";
import type { FamilyFacts, ObservedSeries, PageFacts, ReadPage } from "./observation.ts";
import { similarName } from "./similar-names.ts";
import type { MetricReading, WantedMetric } from "./wanted-metrics.ts";

/** What became of one wanted metric on one page. */
export interface MetricVerdict {
  readonly wanted: WantedMetric;
  readonly verdict: "found" | "absent" | "unusable";
  /** Of the TYPE line. */
  readonly type: string | undefined;
  /** Series that the spec means. */
  readonly series: number;
  /** Why it is unusable or absent, in words. */
  readonly problem: string | undefined;
  /** A name on the page that may hold what is absent. */
  readonly similar: string | undefined;
}

/** The verdicts on a page; what the picker's own parser made of it decides. */
export function judgeMetrics({ reading, facts }: ReadPage): readonly MetricVerdict[] {
  return facts.families.map((family) => {
    const { wanted, type } = family;
    // LoRA lines are kept for the newest alone, so that their number says what there is.
    const series = wanted.spec.labels.size === 0 ? family.lines : family.series.length;
    const verdict = verdictOn(family, reading);
    const known = { wanted, verdict, type: type === undefined ? type : printableText(type, 20), series };
    if (verdict === "found") return { ...known, problem: undefined, similar: undefined };
    if (verdict === "unusable") return { ...known, problem: whyUnusable(family), similar: undefined };
    return { ...known, problem: whyAbsent(family), similar: similarOf(family, facts) };
  });
}

function verdictOn({ wanted, series }: FamilyFacts, { signals }: PageReading): MetricVerdict["verdict"] {
  const signal = signals[wanted.signal];
  if (signal === null) return "unusable";
  if (wanted.signal !== "cacheInfo") return signal === undefined ? "absent" : "found";
  if (series.length === 0) return "absent";
  const { blockSizeTokens, blocks } = signals.cacheInfo ?? {};
  return blockSizeTokens === undefined && blocks === undefined ? "unusable" : "found";
}

function whyAbsent({ wanted, lines }: FamilyFacts): string {
  const { name, labels } = wanted.spec;
  if (lines === 0 || labels.size === 0) return `${name} is not on the page`;
  const pairs = Array.from(labels, ([label, value]) => `${label}=${value}`).join(", ");
  return `${name} has ${lines} series, none with ${pairs}`;
}

function similarOf({ wanted, lines }: FamilyFacts, { names, families }: PageFacts): string | undefined {
  if (lines > 0) return undefined;
  // A metric that serves another signal is not a renamed one.
  const taken = new Set(families.map((family) => family.wanted.spec.name));
  const free = [...names.keys()].filter((name) => !taken.has(name));
  return similarName(wanted.spec.name, free);
}

function whyUnusable({ wanted, type, series }: FamilyFacts): string {
  const bad = series.flatMap((one) => faultOf(one, wanted.reading) ?? [])[0];
  if (bad !== undefined) return `${wanted.spec.name} ${bad}`;
  if (wanted.reading === "cache-labels")
    return `${wanted.spec.name} has no label with a block size or number of blocks`;
  return `${wanted.spec.name} has type ${printableText(type ?? "none", 20)}, expected a gauge`;
}

const limits: Readonly<Partial<Record<MetricReading, (value: number) => string | undefined>>> = {
  count: (value) => (asCount(value) === undefined ? `expected 0 to ${maxCount}` : undefined),
  total: (value) => (asTotal(value) === undefined ? "expected 0 or more" : undefined),
  ratio: (value) => (asRatio(value) === undefined ? `expected 0 to 1${percentHint(value)}` : undefined),
  size: (value) => (value < 1 ? "expected 1 or more" : undefined),
};

function percentHint(value: number): string {
  return value > 1 && value <= 100 ? ", not a percentage" : "";
}

function faultOf({ value, valueText }: ObservedSeries, reading: MetricReading): string | undefined {
  if (reading === "cache-labels") return undefined;
  if (value === undefined) return `is ${printableText(valueText, 30) || "empty"}, expected a finite number`;
  const expected = limits[reading]?.(value);
  return expected === undefined ? undefined : `is ${printableText(valueText, 30)}, ${expected}`;
}
