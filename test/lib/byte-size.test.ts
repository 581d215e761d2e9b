import assert from "node:assert/strict";
import { test } from "node:test";
import { parseByteSize } from "../../src/lib/byte-size.ts";

const sizes: readonly (readonly [text: string, bytes: number | undefined])[] = [
  ["0", 0],
  ["4194304", 4_194_304],
  ["+5", 5],
  ["10Mi", 10 * 2 ** 20],
  ["10MiB", 10 * 2 ** 20],
  ["25MB", 25_000_000],
  ["25M", 25_000_000],
  ["1k", 1000],
  ["1kB", 1000],
  ["2Ki", 2048],
  ["512B", 512],
  ["1.5Gi", 1.5 * 2 ** 30],
  ["1.0001k", 1001],
  ["1.", 1],
  ["7Ei", Number.MAX_SAFE_INTEGER],
  ["9223372036854775807", Number.MAX_SAFE_INTEGER],
  ["9223372036854775808", undefined],
  ["8Ei", undefined],
  ["-1", undefined],
  ["-10Mi", undefined],
  ["", undefined],
  ["B", undefined],
  ["10X", undefined],
  ["10KB", undefined],
  ["10mb", undefined],
  ["10 Mi", undefined],
  ["1e3", undefined],
  [".5Mi", undefined],
  ["10BB", undefined],
  ["0x10", undefined],
  ["ten", undefined],
];
for (const [text, bytes] of sizes) {
  test(`G7 the size "${text}" is ${bytes ?? "refused"}`, () => assert.equal(parseByteSize(text), bytes));
}
