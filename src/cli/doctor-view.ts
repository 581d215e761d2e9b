import type { Finding } from "../doctor/finding.ts";
import type { EndpointReport, MetricReport } from "../doctor/endpoint-report.ts";
import type { DoctorReport } from "../doctor/report.ts";
import type { Spread } from "../doctor/spread.ts";
import { formatCluster } from "./doctor-cluster-view.ts";
import { cutMiddle, newTable, wrap } from "./report-text.ts";

/** Widest line of the text. */
const columns = 100;
const nameWidth = 24;
const engineWidth = 21;
const rankWidth = 10;
/** Ranks of an endpoint that get a row of their own. */
const shownRanks = 16;
/** Endpoints or pods that a finding names. */
const shownEndpoints = 3;

/** A report as text for people, at most 100 columns wide. */
export function formatDoctorReport(report: DoctorReport): string {
  const { cluster, endpoints, findings } = report;
  const loaded = endpoints.filter(({ page }) => page !== undefined);
  const tables = [
    ...(endpoints.length === 0 ? [] : [pageTable(endpoints)]),
    ...(loaded.length === 0 ? [] : [metricTable(loaded), loadTable(loaded)]),
  ];
  const head = cluster === undefined ? [] : formatCluster(cluster, columns);
  return [...head, ...tables, formatCounts(report), ...findings.map(formatFinding)].join("\n\n");
}

function pageTable(endpoints: readonly EndpointReport[]): string {
  const table = newTable(["endpoint", "engine", "reads", "KiB", "lines", "ms", "changes"], 2);
  for (const { id, engine, reads, page } of endpoints) {
    const name = `${cutMiddle(engine.name, engineWidth - 2)}${engine.from === "label" ? " *" : ""}`;
    const changes = page?.changes === undefined ? "-" : page.changes ? "yes" : "no";
    table.push([
      shortId(id),
      name,
      `${reads.done - reads.failed}/${reads.done}`,
      page === undefined ? "-" : (page.bytes.max / 1024).toFixed(1),
      page?.lines ?? "-",
      page === undefined ? "-" : page.fetchMs.mean.toFixed(1),
      changes,
    ]);
  }
  const legend = endpoints.some(({ engine }) => engine.from === "label") ? "\n* by label, others by default" : "";
  return `${table.toString()}${legend}`;
}

function metricTable(endpoints: readonly EndpointReport[]): string {
  const table = newTable(["endpoint", "waiting", "running", "KV use", "LoRA", "cache", "blocks"], 1);
  for (const { id, metrics, signals } of endpoints) {
    const { blockSizeTokens, blocks } = signals ?? {};
    table.push([
      shortId(id),
      ...["waitingRequests", "runningRequests", "kvCacheRatio", "adapters", "cacheInfo"].map((signal) =>
        formatVerdict(metrics.filter((metric) => metric.signal === signal)),
      ),
      blockSizeTokens === undefined && blocks === undefined
        ? "-"
        : `${formatNumber(blocks)} x ${formatNumber(blockSizeTokens)}`,
    ]);
  }
  return table.toString();
}

function loadTable(endpoints: readonly EndpointReport[]): string {
  const table = newTable(["least/mean/most", "rank", "waiting", "running", "KV use"], 2);
  for (const { id, ranks, rankCount } of endpoints) {
    for (const { rank, waitingRequests, runningRequests, kvCacheRatio } of ranks.slice(0, shownRanks)) {
      const name = rank === "" ? "-" : cutMiddle(rank, rankWidth);
      table.push([
        shortId(id),
        name,
        formatCountSpread(waitingRequests),
        formatCountSpread(runningRequests),
        formatRatioSpread(kvCacheRatio),
      ]);
    }
    if (rankCount > shownRanks) table.push([shortId(id), `${rankCount - shownRanks} more`, "", "", ""]);
  }
  return table.toString();
}

function formatVerdict(metrics: readonly MetricReport[]): string {
  if (metrics.length === 0) return "-";
  if (metrics.some(({ verdict }) => verdict === "found")) return "found";
  if (metrics.some(({ verdict }) => verdict === "unusable")) return "unusable";
  return metrics.some(({ similar }) => similar !== undefined) ? "renamed" : "absent";
}

function formatCountSpread(spread: Spread | undefined): string {
  if (spread === undefined) return "-";
  const { min, mean, max } = spread;
  return min === max ? formatNumber(min) : `${formatNumber(min)}/${formatMean(mean)}/${formatNumber(max)}`;
}

function formatRatioSpread(spread: Spread | undefined): string {
  if (spread === undefined) return "-";
  const { min, mean, max } = spread;
  return min === max ? min.toFixed(3) : [min, mean, max].map((ratio) => ratio.toFixed(2)).join("/");
}

/** At most 6 characters. */
function formatNumber(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value < 100_000) return `${value}`;
  return value < 1e9 ? `${(value / 1e6).toFixed(1)}M` : value.toExponential(0);
}

function formatMean(value: number): string {
  return value < 1000 ? value.toFixed(1) : formatNumber(Math.round(value));
}

function formatCounts({ errors, warnings, notes }: DoctorReport): string {
  if (errors + warnings + notes === 0) return "Nothing to report: every signal is found and usable";
  return `${counted(errors, "error")}, ${counted(warnings, "warning")}, ${counted(notes, "note")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function formatFinding({ severity, endpoints, message, advice }: Finding): string {
  const indent = " ".repeat(9);
  const lines = [
    describeEndpoints(endpoints),
    ...wrap(message, columns - indent.length),
    ...(advice === undefined ? [] : wrap(`> ${advice}`, columns - indent.length)),
  ];
  return lines.map((line, i) => `${i === 0 ? severity.padEnd(indent.length) : indent}${line}`).join("\n");
}

function describeEndpoints(ids: readonly string[]): string {
  if (ids.length === 0) return "the pool";
  const named = ids.slice(0, shownEndpoints).map((id) => id.replace(/^default\//, ""));
  const rest = ids.length - named.length;
  return `${named.join(", ")}${rest === 0 ? "" : ` and ${rest} more`}`;
}

/** An id in the tables; the namespace `default` goes without saying. */
function shortId(id: string): string {
  return cutMiddle(id.replace(/^default\//, ""), nameWidth);
}
