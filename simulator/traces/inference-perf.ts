import { parseJson } from "../../src/lib/json-text.ts";
import { isJsonObject, type JsonObject } from "./json-lines.ts";
import { RequestTableBuilder } from "./request-table-builder.ts";
import { describeValue, type RowProblems } from "./row-problems.ts";
import {
  isTokenCount,
  isTraceTime,
  tokensExpected,
  type TraceFormat,
  type TraceReading,
  type TraceSource,
} from "./trace-format.ts";

const blockTokens = 16;

/**
 * What kubernetes-sigs/inference-perf writes as `per_request_lifecycle_metrics.json`: a list of requests with times of a clock in
 * seconds. Of prompts and answers in it nothing is kept. Lengths stand in `info`, in newer reports one level deeper.
 */
export const inferencePerfFormat: TraceFormat = {
  name: "inference-perf",
  description:
    "inference-perf `per_request_lifecycle_metrics.json`: a list of objects with `start_time` (s), `end_time`, `info` (`input_tokens`, `output_tokens`), `error`",
  recognizes: ({ text }) => text.startsWith("[") && /"start_time"\s*:/.test(text),
  read,
};

function read({ text, problems, options }: TraceSource): TraceReading {
  const requests = new RequestTableBuilder(blockTokens, options.model);
  const list = parseJson(text) ?? parseCutList(text, problems);
  let failures = 0;
  for (const [index, item] of (Array.isArray(list) ? list : []).entries()) {
    const row = readItem(item, index, problems);
    if (row === "failed") failures++;
    else if (row !== undefined) requests.add(row);
  }
  const note = "The report does not say which prompts share prefixes: requests are taken to share none.";
  return { requests, failures, notes: [note] };
}

/** The items before the one in which a list was cut off. */
function parseCutList(text: string, problems: RowProblems): unknown {
  // Items end with a brace in the first or second column of a written report, or before the next item.
  for (let end = text.lastIndexOf("}"); end > 0; end = text.lastIndexOf("}", end - 1)) {
    if (!/^\s*(?:,\s*\{|,?\s*$)/.test(text.slice(end + 1, end + 200))) continue;
    const list = parseJson(`${text.slice(0, end + 1)}]`);
    if (!Array.isArray(list)) continue;
    problems.atItem(list.length, "an item cut off", "a whole list");
    return list;
  }
  problems.atItem(0, "text that is no JSON", "a list of objects");
  return undefined;
}

interface Row {
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly adapter?: string;
}

function readItem(item: unknown, index: number, problems: RowProblems): Row | "failed" | undefined {
  const refuse = (name: string, value: unknown, expected: string): undefined => {
    problems.atItem(index, `${name} ${describeValue(value)}`, expected);
    return undefined;
  };
  if (!isJsonObject(item)) return refuse("item", item, "an object");
  const { start_time: start, info, error } = item;
  if (error !== null && error !== undefined) return "failed";
  if (typeof start !== "number" || !isTraceTime(start * 1000))
    return refuse("start_time", start, "a number of seconds");
  if (!isJsonObject(info)) return refuse("info", info, "an object");
  const { promptTokens, outputTokens } = readLengths(info);
  if (!isTokenCount(promptTokens)) return refuse("input_tokens", promptTokens, tokensExpected);
  if (!isTokenCount(outputTokens)) return refuse("output_tokens", outputTokens, tokensExpected);
  const { lora_adapter: adapter } = info;
  const own = typeof adapter === "string" && adapter !== "" ? { adapter } : {};
  return { arrivalMs: start * 1000, promptTokens, outputTokens, ...own };
}

function readLengths(info: JsonObject): { readonly promptTokens: unknown; readonly outputTokens: unknown } {
  const { request_metrics: asked, response_metrics: answered } = info;
  const text = isJsonObject(asked) ? asked["text"] : undefined;
  const response = isJsonObject(answered) ? answered : info;
  return {
    promptTokens: isJsonObject(text) ? text["input_tokens"] : info["input_tokens"],
    outputTokens: response["output_tokens"],
  };
}
