import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { ConnectionFailure, connectionFailure } from "./connection-failure.ts";

/** Longest line of a watch, in characters: no object of etcd has more than a fraction of it. */
export const maxLineLength = 8 * 1024 * 1024;

/**
 * So many characters are handed on at a stretch. A socket that has data is read dozens of times in a turn of the event loop, and
 * all of it would be dealt with in that turn.
 */
const stretch = 128 * 1024;

/** The lines of a stream of UTF-8 text, as `ApiWatch.lines` promises. Leaving the loop ends the stream. */
export async function* readLines(stream: Readable, maxLength = maxLineLength): AsyncGenerator<string> {
  stream.setEncoding("utf8");
  let parts: string[] = [];
  let length = 0;
  let sinceTurn = 0;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      sinceTurn += chunk.length;
      if (sinceTurn > stretch) {
        sinceTurn = 0;
        await setImmediate();
      }
      let from = 0;
      for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
        yield [...parts, chunk.slice(from, end)].join("");
        from = end + 1;
        parts = [];
        length = 0;
      }
      parts.push(chunk.slice(from));
      length += chunk.length - from;
      if (length > maxLength) {
        throw new ConnectionFailure("too-large", `found a line of more than ${maxLength} characters`);
      }
    }
  } catch (error) {
    throw connectionFailure(error);
  }
  if (length > 0) yield parts.join("");
}
