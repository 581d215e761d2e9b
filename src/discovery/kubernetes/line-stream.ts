import type { Readable } from "node:stream";
import { ConnectionFailure, connectionFailure } from "./connection-failure.ts";

/** Longest line of a watch: no object of etcd has more than a fraction of it. */
export const maxLineLength = 8 * 1024 * 1024;

/** The lines of a stream of UTF-8 text, as `ApiWatch.lines` promises. Leaving the loop ends the stream. */
export async function* readLines(stream: Readable, maxLength = maxLineLength): AsyncGenerator<string> {
  stream.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
      if (rest.length > maxLength) {
        throw new ConnectionFailure("too-large", `found a line of more than ${maxLength} characters`);
      }
    }
  } catch (error) {
    throw connectionFailure(error);
  }
  if (rest !== "") yield rest;
}
