import type { ResponseDialect } from "./apis.ts";
import { ByteSink } from "./byte-sink.ts";
import { createGrpcUsageReader } from "./grpc-usage.ts";
import { parseJson } from "../lib/json-text.ts";
import { JsonScanner } from "./json-scanner.ts";
import { accept } from "./request-fields.ts";
import { MarkedLines } from "./sse.ts";
import { isRecord, mergeUsage, readUsageBlock, type Usage, type UsageReader } from "./usage.ts";

export type { Usage, UsageReader } from "./usage.ts";

/**
 * The reader for a body of content type `text/event-stream` ("sse") or any other ("json") in the dialect of the API that
 * was asked (protocol 3.4).
 */
export function createUsageReader(dialect: Exclude<ResponseDialect, "opaque">, format: "json" | "sse"): UsageReader {
  switch (dialect) {
    case "usage":
      return format === "sse" ? new EventUsageReader('"usage"', usageOfEvent) : new JsonUsageReader("usage");
    case "meta-info":
      // Every event has a meta_info, with the text so far: only the one with a reason to finish is worth reading.
      return format === "sse" ? new EventUsageReader('"finish_reason"', metaInfoOf) : new JsonUsageReader("meta_info");
    case "vllm-grpc-generate":
    case "vllm-grpc-embed":
      return createGrpcUsageReader(dialect);
  }
}

function metaInfoOf(event: Record<string, unknown>): unknown {
  const info = event["meta_info"];
  return isRecord(info) && (info["finish_reason"] ?? undefined) !== undefined ? info : undefined;
}

/**
 * The usage of an event of the OpenAI APIs, or of Anthropic's: `message_start` counts the prompt, `message_delta` what was
 * generated so far.
 */
function usageOfEvent(event: Record<string, unknown>): unknown {
  if ((event["usage"] ?? undefined) !== undefined) return event["usage"];
  switch (event["type"]) {
    case "response.completed":
    case "response.incomplete":
      return memberOf(event["response"], "usage");
    case "message_start": {
      const usage = memberOf(event["message"], "usage");
      return isRecord(usage) ? { ...usage, output_tokens: undefined } : undefined;
    }
    default:
      return undefined;
  }
}

function memberOf(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

/** An event of a whole response may be long; a longer line is no event with usage. */
const maxLineBytes = 1 << 20;
/** Far above any real usage object. */
const maxUsageBytes = 1 << 16;

/** A response with log probabilities has millions of keys; nothing is kept of them. */
const responseLimits = { depth: 512, keys: Number.POSITIVE_INFINITY, keyBytes: 1 << 16 };

/** Server-sent events (protocol 3.4): only lines with the marked member, and not as null, are decoded. */
class EventUsageReader implements UsageReader {
  readonly #marker: Buffer;
  readonly #usageOf: (event: Record<string, unknown>) => unknown;
  readonly #lines: MarkedLines;
  usage: Usage | undefined;

  /** `marker`: the name of a member, quoted. `usageOf` finds the usage of an event that has it. */
  constructor(marker: string, usageOf: (event: Record<string, unknown>) => unknown) {
    this.#marker = Buffer.from(marker);
    this.#usageOf = usageOf;
    this.#lines = new MarkedLines(marker, maxLineBytes, (line) => this.#take(line));
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  #take(line: Buffer): void {
    if (!hasValue(line, this.#marker)) return;
    const text = line.toString("utf8");
    if (!text.startsWith("data:")) return;
    const event = parseJson(text.slice("data:".length));
    if (!isRecord(event)) return;
    const block = readUsageBlock(this.#usageOf(event));
    if (block !== undefined) this.usage = mergeUsage(this.usage, block);
  }
}

/** Scans a JSON body and decodes one of its top-level members alone. */
class JsonUsageReader implements UsageReader {
  readonly #usageBytes = new ByteSink(maxUsageBytes);
  readonly #scanner: JsonScanner;
  usage: Usage | undefined;

  /** `name`: the member that holds the usage. */
  constructor(name: string) {
    const root = { member: (key: string) => (key === name ? this.#visitUsage() : undefined) };
    this.#scanner = new JsonScanner({ object: () => root }, responseLimits);
  }

  push(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
  }

  end(): void {
    if (this.#scanner.end() !== undefined) return;
    const block = readUsageBlock(parseJson(this.#usageBytes.text()));
    if (block !== undefined) this.usage = mergeUsage(undefined, block);
  }

  #visitUsage(): { raw: ByteSink; object: () => undefined } {
    this.#usageBytes.truncate(0);
    return { raw: this.#usageBytes, object: accept };
  }
}

/** Whether the member in the line is followed by something else than `: null`, which streams send with every token. */
function hasValue(line: Buffer, marker: Buffer): boolean {
  for (let at = line.indexOf(marker); at >= 0; at = line.indexOf(marker, at + 1)) {
    let next = at + marker.length;
    while (line[next] === 0x20 || line[next] === 0x3a) next++;
    if (line[next] !== 0x6e) return true;
  }
  return false;
}
