import { forEachJsonLine, type JsonObject } from "./json-lines.ts";
import { fullBlocks, readHashes } from "./mooncake.ts";
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
 * Qwen-Bailian's traces (alibaba-edu/qwen-bailian-usagetraces-anon): one JSON object a line and turn, times in seconds, ids of
 * blocks of 16 tokens. A turn arrives at its time, but not before the turn that it names as its parent has ended.
 */
export const qwenBailianFormat: TraceFormat = {
  name: "qwen-bailian",
  description:
    "Qwen-Bailian JSONL: `chat_id`, `parent_chat_id` (-1: none), `turn`, `timestamp` (s), `input_length`, `output_length`, `hash_ids` (16 tokens each)",
  recognizes: ({ object }) => object !== undefined && "chat_id" in object && "input_length" in object,
  read,
};

interface Chat {
  readonly request: number;
  /** Chat id of the first turn. */
  readonly root: string | number;
}

function read({ text, problems, options }: TraceSource): TraceReading {
  const requests = new RequestTableBuilder(blockTokens, options.model);
  const chats = new Map<unknown, Chat>();
  let orphans = 0;
  forEachJsonLine(text, problems, (object, line) => {
    const row = readRow(object, line, problems);
    if (row === undefined) return;
    const { chatId, parentId, arrivalMs, promptTokens, outputTokens, hashes } = row;
    const parent = chats.get(parentId);
    if (parent === undefined && parentId !== -1 && parentId !== undefined && parentId !== null) orphans++;
    const root = parent?.root ?? chatId;
    const follows = parent === undefined || options.openLoop ? {} : { after: parent.request };
    const request = requests.add({ arrivalMs, promptTokens, outputTokens, session: root, ...follows });
    requests.addBlocks(hashes, fullBlocks(hashes, promptTokens, blockTokens));
    chats.set(chatId, { request, root });
  });
  const note = `${orphans} turns have a parent that is not before them in the file; they begin sessions of their own.`;
  return { requests, failures: 0, notes: orphans > 0 ? [note] : [] };
}

interface Row {
  readonly chatId: string | number;
  readonly parentId: unknown;
  readonly arrivalMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly hashes: readonly number[];
}

function readRow(object: JsonObject, line: number, problems: RowProblems): Row | undefined {
  const { chat_id: chatId, parent_chat_id: parentId, timestamp, input_length: promptTokens } = object;
  const { output_length: outputTokens } = object;
  const refuse = (name: string, value: unknown, expected: string): undefined => {
    problems.atLine(line, `${name} ${describeValue(value)}`, expected);
    return undefined;
  };
  if (typeof chatId !== "number" && typeof chatId !== "string") return refuse("chat_id", chatId, "a number or a text");
  if (typeof timestamp !== "number" || !isTraceTime(timestamp * 1000)) {
    return refuse("timestamp", timestamp, "a number of seconds");
  }
  if (!isTokenCount(promptTokens)) return refuse("input_length", promptTokens, tokensExpected);
  if (!isTokenCount(outputTokens)) return refuse("output_length", outputTokens, tokensExpected);
  const hashes = readHashes(object, promptTokens, { blockTokens, line, problems });
  return hashes && { chatId, parentId, arrivalMs: timestamp * 1000, promptTokens, outputTokens, hashes };
}
