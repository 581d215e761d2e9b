import { forEachJsonLine, type JsonObject } from "./json-lines.ts";
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

const blockTokens = 512;

/**
 * Mooncake's traces (kvcache-ai/Mooncake): one JSON object a line, times in ms, ids of blocks of 512 tokens, the last of them
 * not full. `session_id` and `delay_ms` (ai-dynamo): the row follows on the row before it in its session.
 */
export const mooncakeFormat: TraceFormat = {
  name: "mooncake",
  description:
    "Mooncake JSONL: `timestamp` (ms), `input_length`, `output_length`, `hash_ids` (512 tokens each); optional `session_id`, `delay_ms`",
  recognizes: ({ object }) =>
    object !== undefined && "input_length" in object && "output_length" in object && !("chat_id" in object),
  read,
};

function read({ text, problems, options }: TraceSource): TraceReading {
  const requests = new RequestTableBuilder(blockTokens, options.model);
  const sessions = new Map<string | number, number>();
  forEachJsonLine(text, problems, (object, line) => {
    const { input_length: promptTokens, output_length: outputTokens } = object;
    if (!isTokenCount(promptTokens)) {
      return problems.atLine(line, `input_length ${describeValue(promptTokens)}`, tokensExpected);
    }
    if (!isTokenCount(outputTokens)) {
      return problems.atLine(line, `output_length ${describeValue(outputTokens)}`, tokensExpected);
    }
    const hashes = readHashes(object, promptTokens, { blockTokens, line, problems });
    const turn = hashes && readTurn(object, { requests, sessions, line, problems, openLoop: options.openLoop });
    if (hashes === undefined || turn === undefined) return;
    const index = requests.add({ promptTokens, outputTokens, ...turn });
    if (turn.session !== undefined) sessions.set(turn.session, index);
    requests.addBlocks(hashes, fullBlocks(hashes, promptTokens, blockTokens));
  });
  return { requests, failures: 0, notes: [] };
}

interface HashPlace {
  readonly blockTokens: number;
  readonly line: number;
  readonly problems: RowProblems;
}

/** The `hash_ids` of a row, none when it has no such field; undefined when they were told to `problems`. */
export function readHashes(
  { hash_ids: hashes }: JsonObject,
  promptTokens: number,
  place: HashPlace,
): readonly number[] | undefined {
  if (hashes === undefined || hashes === null) return [];
  const most = Math.ceil(promptTokens / place.blockTokens);
  const expected = `at most ${most} whole numbers for ${promptTokens} tokens`;
  if (!Array.isArray(hashes)) {
    place.problems.atLine(place.line, `hash_ids ${describeValue(hashes)}`, expected);
  } else if (hashes.length > most) {
    place.problems.atLine(place.line, `${hashes.length} hash_ids`, expected);
  } else if (!areWhole(hashes)) {
    place.problems.atLine(place.line, "an id in hash_ids that is no whole number", expected);
  } else return hashes as number[];
  return undefined;
}

function areWhole(ids: readonly unknown[]): boolean {
  for (const id of ids) if (!Number.isInteger(id)) return false;
  return true;
}

/** How many ids are of full blocks: that of a part of a block names nothing that can be shared. */
export function fullBlocks(hashes: readonly number[], promptTokens: number, tokensEach: number): number {
  return Math.min(hashes.length, Math.floor(promptTokens / tokensEach));
}

interface TurnPlace {
  readonly requests: RequestTableBuilder;
  /** The newest request of each session. */
  readonly sessions: ReadonlyMap<string | number, number>;
  readonly line: number;
  readonly problems: RowProblems;
  readonly openLoop: boolean;
}

interface TurnFields {
  readonly arrivalMs: number;
  readonly session?: string | number;
  readonly after?: number;
  readonly delayMs?: number;
}

/** When a row arrives; undefined when that was told to the problems. */
function readTurn(object: JsonObject, place: TurnPlace): TurnFields | undefined {
  const { timestamp, session_id: session, delay_ms: delayMs } = object;
  const isSession = typeof session === "string" || typeof session === "number";
  const before = isSession ? place.sessions.get(session) : undefined;
  const own = isSession ? { session } : {};
  if (delayMs !== undefined && delayMs !== null && before !== undefined) {
    if (!isTime(delayMs)) return refuse(place, `delay_ms ${describeValue(delayMs)}`);
    const earliestMs = (place.requests.arrivalsMs[before] as number) + delayMs;
    if (!place.openLoop) return { arrivalMs: earliestMs, ...own, after: before, delayMs };
    return { arrivalMs: isTime(timestamp) ? timestamp : earliestMs, ...own };
  }
  if (!isTime(timestamp)) return refuse(place, `timestamp ${describeValue(timestamp)}`);
  return { arrivalMs: timestamp, ...own };
}

function refuse({ line, problems }: TurnPlace, found: string): undefined {
  problems.atLine(line, found, "a number of ms from 0");
  return undefined;
}

function isTime(value: unknown): value is number {
  return isTraceTime(value) && value >= 0;
}
