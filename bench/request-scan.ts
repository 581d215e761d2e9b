import { createBodyReader } from "../src/request/body-reader.ts";
import { systemClock } from "../src/lib/clock.ts";

const chunkBytes = 62_000;
const bodyBytes = 10_000_000;

const chat = (content: string): string => JSON.stringify({ model: "m", messages: [{ role: "user", content }] });
const filled = (unit: string): string => unit.repeat(Math.ceil(bodyBytes / Buffer.byteLength(unit)));
const escaped = (unit: string): string =>
  `{"model":"m","messages":[{"role":"user","content":"${unit.repeat(bodyBytes / unit.length)}"}]}`;

const shortMessage = `{"role":"user","content":"${"words ".repeat(40)}"},`;

const bodies: readonly { name: string; path: string; body: string }[] = [
  { name: "one ASCII string", path: "/v1/chat/completions", body: chat(filled("The quick brown fox jumps. ")) },
  { name: "Chinese text", path: "/v1/chat/completions", body: chat(filled("敏捷的棕色狐狸")) },
  { name: "source code", path: "/v1/chat/completions", body: chat(filled('  if (a === "b") {\n    return;\n')) },
  { name: "all \\u escapes", path: "/v1/chat/completions", body: escaped("\\u4f60") },
  {
    name: "token ids",
    path: "/v1/completions",
    body: `{"model":"m","prompt":[${"101,2023,".repeat(bodyBytes / 9)}7]}`,
  },
  {
    name: "short messages",
    path: "/v1/chat/completions",
    body: `{"model":"m","messages":[${shortMessage.repeat(bodyBytes / shortMessage.length)}{}]}`,
  },
];

/** Prints, per kind of body, how fast 10 MB in pieces of 62,000 bytes are scanned and the longest piece's time. */
export function benchRequestScan(print: (line: string) => void): void {
  for (const { name, path, body } of bodies) {
    const bytes = Buffer.from(body);
    scanOnce(path, bytes);
    const runs = Array.from({ length: 5 }, () => scanOnce(path, bytes));
    const rate = bytes.length / 1000 / Math.min(...runs.map((run) => run.totalMs));
    const longestMs = Math.max(...runs.map((run) => run.longestMs));
    print(`${name.padEnd(18)} ${rate.toFixed(0).padStart(5)} MB/s   longest piece ${longestMs.toFixed(2)} ms`);
  }
}

function scanOnce(path: string, bytes: Uint8Array): { totalMs: number; longestMs: number } {
  const reader = createBodyReader(path);
  let totalMs = 0;
  let longestMs = 0;
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    const startMs = systemClock.nowMs();
    reader.push(bytes.subarray(from, from + chunkBytes));
    const pieceMs = systemClock.nowMs() - startMs;
    totalMs += pieceMs;
    longestMs = Math.max(longestMs, pieceMs);
  }
  const { kind } = reader.end();
  if (kind !== "parsed") throw new Error(`Cannot measure "${path}": the body is ${kind}, expected parsed`);
  return { totalMs, longestMs };
}
