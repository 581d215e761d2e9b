import { type Dirent, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseJson } from "../../src/lib/json-text.ts";
import { forEachLine, isJsonObject } from "../traces/json-lines.ts";
import { RowProblems } from "../traces/row-problems.ts";
import { readTraceText } from "../traces/trace-file.ts";
import { alignEndpoint } from "./endpoint-series.ts";
import { isExportLine, readApiResponse, readExport, resultTypeOf } from "./json-samples.ts";
import type { RecordedMetrics } from "./recorded-metrics.ts";
import { SeriesCollector } from "./series-collector.ts";
import { type PagePlace, readTextSamples } from "./text-samples.ts";

/** One form of recorded metrics. */
export interface MetricsFormat {
  readonly name: string;
  /** What it looks like, in one line, for errors and documents. */
  readonly description: string;
}

/** Every form of metrics that is read. */
export const metricsFormats: readonly MetricsFormat[] = [
  { name: "prometheus-text", description: "Prometheus text with a time in ms on every line" },
  {
    name: "openmetrics",
    description: "OpenMetrics with times in seconds and `# EOF`, as `promtool tsdb dump-openmetrics` writes it",
  },
  {
    name: "scrape-directory",
    description:
      "a folder of pages, gzipped or not, named `POD/UNIX_MS.prom` or `POD-TIME.log`; TIME in s, ms, µs or ns",
  },
  {
    name: "prometheus-api",
    description:
      "a response of Prometheus' HTTP API with a `matrix` or `vector`; best an instant query with a range, `METRIC[1h]`",
  },
  {
    name: "victoriametrics",
    description: "VictoriaMetrics export: one object a line with `metric`, `values`, `timestamps` (ms)",
  },
];

const mostlyRepeated = 0.2;

/**
 * Reads a file or a folder of recorded metrics; the content tells the form. Throws an error that names it, what was found and what was
 * expected: when it cannot be read, is of no known form, or says nothing of a model server.
 */
export function readMetrics(path: string): RecordedMetrics {
  const into = new SeriesCollector();
  const problems = new RowProblems(path);
  const notes: string[] = [];
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) readFolder(path, into, problems, notes);
  else {
    const { text, isCut } = readTraceText(path);
    if (isCut) notes.push("The gzip file was cut off; what it had before that was read.");
    readText(text, { timeMs: undefined, endpoint: undefined }, into, problems);
  }
  const endpoints = [...into.endpoints.values()]
    .map(alignEndpoint)
    .filter(({ timesMs }) => timesMs.length > 0)
    .toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
  if (endpoints.length === 0) throw unreadable(path, problems);
  const repeated = endpoints.filter(({ repeatedRatio }) => repeatedRatio > mostlyRepeated).length;
  if (repeated > 0) {
    notes.push(
      `${repeated} of ${endpoints.length} endpoints repeat values while requests run: a range query with a step below the scrape interval repeats old samples as new ones. Export with METRIC[RANGE] instead.`,
    );
  }
  const resets = endpoints.reduce((sum, endpoint) => sum + endpoint.resets, 0);
  if (resets > 0)
    notes.push(`Totals fell ${resets} times, as they do when a server restarts; growth goes on from there.`);
  return { source: path, endpoints, skipped: problems.count, problems: problems.examples, notes };
}

function unreadable(path: string, problems: RowProblems): Error {
  const [first] = problems.examples;
  const found = first === undefined ? "no metric of a model server" : `${first.found} (${first.where})`;
  const forms = metricsFormats.map(({ description }) => `\n  ${description}`).join("");
  return new Error(`Cannot read metrics "${path}": ${found}, expected one of: ${forms}`);
}

/** Reads one text; which form it has, its beginning tells. */
function readText(text: string, place: PagePlace, into: SeriesCollector, problems: RowProblems): void {
  const start = text.trimStart();
  if (!start.startsWith("{")) return readTextSamples(text, place, into, problems);
  if (isExport(start)) return readExport(text, into, problems);
  const whole = parseJson(text);
  if (isJsonObject(whole) && resultTypeOf(whole) !== undefined) return readApiResponse(whole, into, problems);
  problems.atLine(1, whole === undefined ? "JSON cut off or broken" : "JSON of another kind", "a matrix or a vector");
}

function isExport(start: string): boolean {
  let isLine = false;
  forEachLine(start.slice(0, 1_048_576), (content, line) => {
    if (line > 3 || isLine) return;
    const value = parseJson(content);
    isLine = isJsonObject(value) && isExportLine(value);
  });
  // A first line too long to be looked at whole still begins like one.
  return isLine || /^\{"metric":\{[^}]*\},"values":\[/.test(start);
}

function readFolder(path: string, into: SeriesCollector, problems: RowProblems, notes: string[]): void {
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folderOf(entry), entry.name))
    .toSorted();
  let byChange = 0;
  for (const file of files) {
    const page = new RowProblems(file);
    const place = placeOfFile(path, file);
    const isUntimed = place.timeMs === undefined;
    const timeMs = place.timeMs ?? statSync(file).mtimeMs;
    if (isUntimed) byChange++;
    readText(readTraceText(file).text, { timeMs, endpoint: place.endpoint }, into, page);
    problems.addAll(page);
  }
  if (byChange > 0) notes.push(`${byChange} files have no time in their names; that of their last change was taken.`);
}

function folderOf(entry: Dirent): string {
  return entry.parentPath;
}

/** Endpoint and instant that a file's path names. */
export function placeOfFile(root: string, file: string): PagePlace {
  const name = basename(file).replace(/\.gz$/, "");
  const own = /^(?:(.+?)[-_.])?(\d{9,19})(?:\.[a-z]+)?$/i.exec(name);
  const folder = dirname(file);
  const byFolder = folder === root ? undefined : basename(folder);
  if (own === null) return { timeMs: undefined, endpoint: byFolder ?? name.replace(/\.[a-z]+$/i, "") };
  const [, pod, digits = ""] = own;
  return { timeMs: unixMs(digits), endpoint: pod ?? byFolder };
}

/** ms since 1970 of a time in s, ms, µs or ns, which its length tells. */
function unixMs(digits: string): number {
  const value = Number(digits);
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1000 : value / 1e6;
}
