import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { readTrace } from "../../../simulator/traces/read-trace.ts";

const folder = mkdtempSync(join(tmpdir(), "epp-traces-"));
after(() => rmSync(folder, { recursive: true }));

const fixturePath = (name: string): string => new URL(`../../fixtures/traces/${name}`, import.meta.url).pathname;

function write(name: string, content: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test("a gzipped file is read by its first bytes, with a byte order mark too", () => {
  const want = readTrace(fixturePath("azure.csv"));
  const bytes = readFileSync(fixturePath("azure.csv"));
  const zipped = readTrace(write("a.csv", gzipSync(bytes)));
  assert.deepEqual({ ...zipped, file: want.file }, want);
  const marked = readTrace(write("b.csv", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])));
  assert.deepEqual({ ...marked, file: want.file }, want);
});

test("of a gzipped file that was cut off the whole rows are read, and it is said", () => {
  const line = (i: number): string =>
    `{"timestamp": ${i}, "input_length": ${1000 + ((i * 7919) % 977)}, "output_length": 5, "hash_ids": []}\n`;
  const zipped = gzipSync(Array.from({ length: 5000 }, (_, i) => line(i)).join(""));
  const { requests, notes, skipped } = readTrace(write("cut.gz", zipped.subarray(0, zipped.length >> 1)));
  assert.ok(requests.count > 1000 && requests.count < 4500, `${requests.count} rows`);
  assert.ok(notes.some((note) => note.includes("cut off")));
  assert.ok(skipped <= 1);
});

const refusals: readonly { readonly name: string; readonly path: () => string; readonly want: RegExp }[] = [
  { name: "missing", path: () => join(folder, "none"), want: /Cannot read trace ".*none": there is no such file/ },
  { name: "a folder", path: () => folder, want: /no regular file, expected a file/ },
  {
    name: "damaged gzip",
    path: () => write("d.gz", Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])),
    want: /gzip data that is damaged/,
  },
];

for (const { name, path, want } of refusals) {
  test(`a file that cannot be read is named: ${name}`, () => {
    assert.throws(() => readTrace(path()), want);
  });
}
