import { csvColumns, forEachCsvRow } from "./csv-rows.ts";
import { RequestTableBuilder } from "./request-table-builder.ts";
import { describeValue } from "./row-problems.ts";
import { isTokenCount, tokensExpected, type TraceFormat, type TraceReading, type TraceSource } from "./trace-format.ts";

/** No row shares a prefix; the size only says how the table would count. */
const blockTokens = 16;

const dateExpected = "a date like 2023-11-16 18:15:46.6805900";

/** Azure's LLM inference traces (Azure/AzurePublicDataset): times of the wall clock, lengths, no prefixes. */
export const azureFormat: TraceFormat = {
  name: "azure",
  description:
    "Azure CSV: `TIMESTAMP` (wall clock), `ContextTokens`, `GeneratedTokens`; the multimodal trace has `NumImages` too",
  recognizes: ({ columns }) =>
    ["timestamp", "contexttokens", "generatedtokens"].every((name) => columns.includes(name)),
  read,
};

function read({ text, problems, options }: TraceSource): TraceReading {
  const requests = new RequestTableBuilder(blockTokens, options.model);
  const columns = csvColumns(text);
  const [time, context, generated] = ["timestamp", "contexttokens", "generatedtokens"].map((name) =>
    columns.indexOf(name),
  ) as [number, number, number];
  const images = columns.indexOf("numimages");
  const clock = new WallClock();
  let withImages = 0;
  forEachCsvRow(text, problems, (fields, line) => {
    const [timeText = "", contextText = "", generatedText = ""] = [fields[time], fields[context], fields[generated]];
    const arrivalMs = clock.read(timeText);
    const [promptTokens, outputTokens] = [readWhole(contextText), readWhole(generatedText)];
    if (Number.isNaN(arrivalMs)) problems.atLine(line, `TIMESTAMP ${describeValue(timeText)}`, dateExpected);
    else if (!isTokenCount(promptTokens)) {
      problems.atLine(line, `ContextTokens ${describeValue(contextText)}`, tokensExpected);
    } else if (!isTokenCount(outputTokens)) {
      problems.atLine(line, `GeneratedTokens ${describeValue(generatedText)}`, tokensExpected);
    } else {
      requests.add({ arrivalMs, promptTokens, outputTokens });
      if (images !== -1 && readWhole(fields[images] ?? "") > 0) withImages++;
    }
  });
  const note = `${withImages} requests have images; they count by ContextTokens alone.`;
  return { requests, failures: 0, notes: withImages > 0 ? [note] : [] };
}

/** A whole number in decimal digits; NaN for anything else. */
export function readWhole(text: string): number {
  return /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
}

/** Reads dates as distances from the second of the first one, so that seven digits of a second stay exact. */
export class WallClock {
  /** The second read last, which the next one mostly equals. */
  #secondText = "";
  #secondMs = Number.NaN;
  #firstMs = Number.NaN;

  /** ms of `YYYY-MM-DD HH:MM:SS`, with any fraction and zone, UTC without one; NaN for anything else. */
  read(text: string): number {
    const second = text.slice(0, 19);
    if (second !== this.#secondText) {
      this.#secondText = second;
      const atMs = readSecond(second);
      if (Number.isNaN(this.#firstMs)) this.#firstMs = atMs;
      this.#secondMs = atMs - this.#firstMs;
    }
    if (text.length === 19) return this.#secondMs;
    const match = /^(\.\d{1,9})?(?:Z|([+-])(\d{2}):?(\d{2}))?$/.exec(text.slice(19).trimEnd());
    if (match === null) return Number.NaN;
    const [, fraction = "0", sign, hours = "0", minutes = "0"] = match;
    const zoneMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return this.#secondMs + Number(fraction) * 1000 - (sign === "-" ? -zoneMs : zoneMs);
  }
}

function readSecond(text: string): number {
  if (!/^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}$/.test(text)) return Number.NaN;
  const part = (from: number, length: number): number => Number(text.slice(from, from + length));
  const [month, day, hour, minute, second] = [part(5, 2), part(8, 2), part(11, 2), part(14, 2), part(17, 2)];
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60;
  return isDate ? Date.UTC(part(0, 4), month - 1, day, hour, minute, second) : Number.NaN;
}
