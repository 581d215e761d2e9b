import { forEachLine } from "../traces/json-lines.ts";
import type { RowProblems } from "../traces/row-problems.ts";
import type { Labels, SeriesCollector } from "./series-collector.ts";

/** Where the samples of a page without times belong. */
export interface PagePlace {
  /** Instant of lines that have none; undefined: such lines cannot be used. */
  readonly timeMs: number | undefined;
  /** Endpoint of all lines; undefined: their labels name it. */
  readonly endpoint: string | undefined;
}

const linePattern = /^([a-zA-Z_:][\w:]*)\s*(?:\{(.*?)\})?\s+(\S+)(?:\s+(-?[\d.]+(?:[eE][+-]?\d+)?))?\s*(?:#.*)?$/;
const labelPattern = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)/gy;

/**
 * Reads Prometheus text (times in ms) or OpenMetrics (times in seconds, exemplars, `# EOF`): the lines of series that are used.
 * A line that breaks the format is told to `problems`, the last one, when it has no line feed, as cut off.
 */
export function readTextSamples(text: string, place: PagePlace, into: SeriesCollector, problems: RowProblems): void {
  // OpenMetrics ends with this line; without it a time below year 5138 in seconds is one in seconds.
  const isOpenMetrics = /(?:^|\n)# EOF\s*$/.test(text.slice(-64));
  let withoutTime = 0;
  forEachLine(text, (line, number, isComplete) => {
    const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0];
    if (name === undefined || !into.wants(name)) return;
    const sample = readLine(line);
    // The format ends every line, so one that does not end may lack digits.
    if (sample === undefined || !isComplete) {
      const found = isComplete ? `a line of ${name} that is no sample` : "a line cut off";
      problems.atLine(number, found, "name{labels} value [time]");
      return;
    }
    const { labels, value, time } = sample;
    const timeMs = time === undefined ? place.timeMs : isOpenMetrics || time < 1e11 ? time * 1000 : time;
    if (timeMs === undefined) {
      if (withoutTime++ === 0) problems.atLine(number, "a sample without a time", "a time, or a file named by one");
    } else into.add({ name, labels, timeMs, value }, place.endpoint);
  });
}

interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly time: number | undefined;
}

function readLine(line: string): Sample | undefined {
  const open = line.indexOf("{");
  const close = open === -1 ? -1 : endOfLabels(line, open);
  const rest = open === -1 ? line : `${line.slice(0, open)} ${close === -1 ? "" : line.slice(close + 1)}`;
  const match = linePattern.exec(rest);
  if (match === null) return undefined;
  const labels = open === -1 ? {} : readLabels(line.slice(open + 1, close));
  const [, , , valueText = "", timeText] = match;
  const value = readValue(valueText);
  if (labels === undefined || value === undefined) return undefined;
  return { labels, value, time: timeText === undefined ? undefined : Number(timeText) };
}

/** Place of the brace that ends the labels, outside of quotes; -1 without one. */
function endOfLabels(line: string, open: number): number {
  let isQuoted = false;
  for (let at = open + 1; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (isQuoted && code === 92) at++;
    else if (code === 34) isQuoted = !isQuoted;
    else if (code === 125 && !isQuoted) return at;
  }
  return -1;
}

function readLabels(text: string): Labels | undefined {
  const labels: Record<string, string> = {};
  let end = 0;
  labelPattern.lastIndex = 0;
  for (const match of text.matchAll(labelPattern)) {
    const [whole, name = "", value = ""] = match;
    labels[name] = value.includes("\\") ? value.replaceAll(/\\(.)/g, (_, c) => (c === "n" ? "\n" : String(c))) : value;
    end = match.index + whole.length;
  }
  return text.slice(end).trim() === "" ? labels : undefined;
}

/** A number; NaN and infinities have names; undefined for anything else. */
export function readValue(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^\+?inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  return /^-inf$/i.test(text) ? Number.NEGATIVE_INFINITY : undefined;
}
