import { printableText } from "../lib/printable-text.ts";
import type { ModelServerMetrics } from "../scrape/model-servers.ts";
import { rankOf } from "../scrape/parse.ts";
import type { Finding } from "./finding.ts";
import { betterEngine, likeness } from "./guess-engine.ts";
import { judgeMetrics, type MetricVerdict } from "./metric-verdict.ts";
import type { FamilyFacts, Observation, ReadPage } from "./observation.ts";
import type { WantedMetric } from "./wanted-metrics.ts";

/** A finding before it is known which endpoint it is about. */
export type PageFinding = Omit<Finding, "endpoints">;

/** The model servers that a page may be of. */
export interface KnownEngines {
  readonly engines: readonly ModelServerMetrics[];
  /** Label of an endpoint that names its model server. */
  readonly engineLabelKey: string;
}

/** Field of `engineConfigs` that names the metric of a signal. */
const specFields: Readonly<Record<WantedMetric["signal"], string>> = {
  waitingRequests: "queuedRequestsSpec",
  runningRequests: "runningRequestsSpec",
  kvCacheRatio: "kvUsageSpec",
  adapters: "loraSpec",
  cacheInfo: "cacheInfoSpec",
};

const signalNames: Readonly<Record<WantedMetric["signal"], string>> = {
  waitingRequests: "waiting requests",
  runningRequests: "running requests",
  kvCacheRatio: "KV use",
  adapters: "LoRA adapters",
  cacheInfo: "KV block size",
};

/** What one page, the last that came, says about itself: engine, metrics, series. */
export function findOnPage(
  page: ReadPage,
  { engine }: Pick<Observation, "engine">,
  engines: KnownEngines,
): PageFinding[] {
  const mismatch = findMismatch(page, engine.metrics, engines);
  const verdicts = judgeMetrics(page).filter(({ wanted }) => wanted.signal !== "cacheInfo");
  // A page of another engine lacks everything: one finding says it all.
  const ofMetrics = mismatch?.severity === "error" ? [] : [...verdicts.flatMap(findOnMetric), ...findCache(page)];
  return [
    ...(mismatch === undefined ? [] : [mismatch]),
    ...ofMetrics,
    ...page.facts.families.flatMap((family) => findOnSeries(family)),
    ...findRejected(page),
    ...findUnweighted(page),
  ];
}

function findMismatch(
  { facts }: ReadPage,
  present: ModelServerMetrics,
  { engines, engineLabelKey }: KnownEngines,
): PageFinding | undefined {
  const other = betterEngine(present, engines, facts.names);
  if (other === undefined) return undefined;
  const own = likeness(present, facts.names);
  const isWhole = own.found === own.wanted;
  return {
    severity: isWhole ? "note" : "error",
    code: "engine-mismatch",
    message: `the page looks like that of ${other.engine} (${other.found} of ${other.wanted} load metrics), the endpoint is read as ${present.engine} (${own.found} of ${own.wanted})`,
    advice: `label the endpoint ${printableText(engineLabelKey)}: ${other.engine}, or set defaultEngine (core-metrics-extractor)`,
  };
}

function findOnMetric(verdict: MetricVerdict): PageFinding[] {
  const { wanted } = verdict;
  if (verdict.verdict === "absent") return [findAbsent(verdict)];
  if (verdict.verdict === "unusable") {
    return [
      {
        severity: wanted.signal === "adapters" ? "warning" : "error",
        code: "metric-unusable",
        message: `${signalNames[wanted.signal]} unknown: ${verdict.problem}`,
        advice: `correct what the server reports, or name another metric in ${specFields[wanted.signal]} (core-metrics-extractor)`,
      },
    ];
  }
  return findType(verdict);
}

function findAbsent({ wanted, problem = "", similar }: MetricVerdict): PageFinding {
  const { signal } = wanted;
  const message = `${signalNames[signal]} unknown: ${problem}${similar === undefined ? "" : `, but ${similar} is`}`;
  const rename = `name it in ${specFields[signal]} of an entry in engineConfigs (core-metrics-extractor)`;
  if (signal === "adapters") {
    const advice = "nothing, if the server has no LoRA adapters; vLLM shows the metric once one is loaded";
    return { severity: "note", code: "adapters-absent", message, advice };
  }
  const advice =
    similar === undefined ? "start the server with its metrics on, or look for another version of it" : rename;
  return { severity: "error", code: "metric-absent", message, advice };
}

function findType({ wanted, type }: MetricVerdict): PageFinding[] {
  const { name } = wanted.spec;
  if (wanted.reading === "total") {
    const message = `${name} counts all that ever ran: it serves running-requests-size-scorer and nothing else`;
    return [{ severity: "note", code: "metric-is-total", message }];
  }
  if (type !== "counter" || !["count", "ratio"].includes(wanted.reading)) return [];
  return [
    {
      severity: "warning",
      code: "metric-is-counter",
      message: `${name} is a counter on the page, expected a gauge: its value is taken for the present load`,
      advice: `name a gauge in ${specFields[wanted.signal]} of an entry in engineConfigs (core-metrics-extractor)`,
    },
  ];
}

/** Without a block size prefixes are matched in blocks of another size than the server's. */
function findCache(page: ReadPage): PageFinding[] {
  const verdicts = judgeMetrics(page).filter(({ wanted }) => wanted.signal === "cacheInfo");
  const [first] = verdicts;
  if (first === undefined || page.reading.signals.cacheInfo?.blockSizeTokens !== undefined) return [];
  const problem =
    verdicts.find((verdict) => verdict.problem !== undefined)?.problem ??
    `${first.wanted.spec.name} gives none that can be used`;
  return [
    {
      severity: "warning",
      code: "block-size-unknown",
      message: `${signalNames.cacheInfo} unknown: ${problem}`,
      advice:
        "set blockSizeTokens of approx-prefix-cache-producer to the server's, or name the metric in engineConfigs",
    },
  ];
}

/** Series that are told apart by other labels than the rank: of each rank one is read. */
function findOnSeries({ wanted, series }: FamilyFacts): PageFinding[] {
  if (!["count", "total", "ratio"].includes(wanted.reading)) return [];
  const ranks = new Set(series.map(rankOf)).size;
  if (series.length <= ranks) return [];
  const labels = new Set(series.flatMap((one) => Object.keys(one.labels)));
  const differing = [...labels].filter((label) => new Set(series.map((one) => one.labels[label])).size > 1);
  const names = printableText(differing.toSorted().join(", ") || "nothing");
  return [
    {
      severity: "warning",
      code: "series-ignored",
      message: `${wanted.text} has ${series.length} series that differ in ${names}; the picker reads ${ranks}, the first or newest for each value of the label engine`,
      advice: "give each rank a port and an endpoint of its own, or name the series with labels in engineConfigs",
    },
  ];
}

function findRejected({ reading }: ReadPage): PageFinding[] {
  if (reading.rejectedLines === 0) return [];
  const message = `${reading.rejectedLines} lines of wanted metrics break the text format and are left out`;
  return [{ severity: "warning", code: "lines-rejected", message, advice: "correct what the server prints" }];
}

/** KV use of several ranks is weighted by their blocks, where all are known. */
function findUnweighted({ facts }: ReadPage): PageFinding[] {
  const withKv = facts.ranks.filter(({ kvCacheRatio }) => !Number.isNaN(kvCacheRatio));
  const sizes = facts.families.filter(({ wanted }) => wanted.signal === "cacheInfo");
  const sized = new Set(sizes.flatMap(({ series }) => series.map(rankOf)));
  if (withKv.length < 2 || withKv.every(({ rank }) => sized.has(rank))) return [];
  const message = `KV use of ${withKv.length} ranks is their plain mean: not every rank tells its number of blocks`;
  return [{ severity: "note", code: "kv-unweighted", message }];
}
