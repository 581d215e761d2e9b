import { ByteSink } from "./byte-sink.ts";
import { JsonScanner } from "./json-scanner.ts";
import { accept } from "./request-fields.ts";
import { MarkedLines } from "./sse.ts";
import { isRecord, mergeUsage, readUsageBlock, type Usage } from "./usage.ts";

export type { Usage } from "./usage.ts";

/** Reads token usage out of a response that passes by; never throws, whatever the bytes are. */
export interface UsageReader {
  /** Takes the next piece, cut anywhere. */
  push(chunk: Uint8Array): void;
  /** The body has ended. */
  end(): void;
  /** What was reported so far; undefined when nothing was. A JSON body reports at its end, and only when it is valid. */
  readonly usage: Usage | undefined;
}

/** The reader for a body of content type `text/event-stream` ("sse") or any other ("json"). */
export function createUsageReader(format: "json" | "sse"): UsageReader {
  return format === "sse" ? new EventUsageReader() : new JsonUsageReader();
}

/** An event of a whole response may be long; a longer line is no event with usage. */
const maxLineBytes = 1 << 20;
/** Far above any real usage object. */
const maxUsageBytes = 1 << 16;

/** A response with log probabilities has millions of keys; nothing is kept of them. */
const responseLimits = { depth: 512, keys: Number.POSITIVE_INFINITY, keyBytes: 1 << 16 };

const marker = '"usage"';
const markerBytes = Buffer.from(marker);

/** Server-sent events (protocol 3.4): only lines with a `"usage"` that is not null are decoded. */
class EventUsageReader implements UsageReader {
  readonly #lines = new MarkedLines(marker, maxLineBytes, (line) => this.#take(line));
  usage: Usage | undefined;

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  #take(line: Buffer): void {
    if (!hasUsageValue(line)) return;
    const text = line.toString("utf8");
    if (!text.startsWith("data:")) return;
    const event = parseJson(text.slice("data:".length));
    if (!isRecord(event)) return;
    const response = event["type"] === "response.completed" ? event["response"] : undefined;
    const block = readUsageBlock(event["usage"] ?? (isRecord(response) ? response["usage"] : undefined));
    if (block !== undefined) this.usage = mergeUsage(this.usage, block);
  }
}

/** Scans a JSON body and decodes its top-level `usage` alone. */
class JsonUsageReader implements UsageReader {
  readonly #usageBytes = new ByteSink(maxUsageBytes);
  readonly #scanner = new JsonScanner(
    { object: () => ({ member: (key) => (key === "usage" ? this.#visitUsage() : undefined) }) },
    responseLimits,
  );
  usage: Usage | undefined;

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

/** Whether a `"usage"` in the line is followed by something else than `: null`, which streams send with every token. */
function hasUsageValue(line: Buffer): boolean {
  for (let at = line.indexOf(markerBytes); at >= 0; at = line.indexOf(markerBytes, at + 1)) {
    let next = at + markerBytes.length;
    while (line[next] === 0x20 || line[next] === 0x3a) next++;
    if (line[next] !== 0x6e) return true;
  }
  return false;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
