import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { parseMetricValue } from "./metric-value.ts";

/** One series of a family: one line of a page. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** undefined: there is a value but none that can be used. */
  readonly value: number | undefined;
  /** Milliseconds since 1970; -Infinity when the line has none. */
  readonly timestampMs: number;
}

const noLabels: Readonly<Record<string, string>> = {};

/**
 * Reads one sample line, given without its line feed. Returns undefined for a line that breaks the format. The library
 * gets single lines because it throws a whole page away for one bad line and loses a last line without line feed.
 */
export function parseSampleLine(line: string): Series | undefined {
  const sample = readSample(line) ?? readSample(withoutLabelBlanks(line));
  if (sample === undefined) return undefined;
  const { value = "", labels = noLabels, timestamp_ms: timestamp } = sample;
  const isCutInLabels = value === "" && line.includes("{") && !line.trimEnd().endsWith("}");
  if (isCutInLabels || (timestamp !== undefined && !/^-?\d+$/.test(timestamp))) return undefined;
  const timestampMs = timestamp === undefined ? Number.NEGATIVE_INFINITY : Number(timestamp);
  return { labels, value: parseMetricValue(value), timestampMs };
}

function readSample(line: string): ReturnType<typeof parsePrometheusTextFormat>[number]["metrics"][number] | undefined {
  try {
    return parsePrometheusTextFormat(`${line}\n`)[0]?.metrics[0];
  } catch {
    return undefined;
  }
}

/** The line without blanks between labels, which the format allows and the library does not. */
function withoutLabelBlanks(line: string): string {
  return line.replaceAll(/"(?:[^"\\]|\\.)*"|\{[ \t]+|[ \t]+(?=[=,}"])|(?<=[=,])[ \t]+/g, (part) =>
    part.startsWith('"') ? part : part.startsWith("{") ? "{" : "",
  );
}
