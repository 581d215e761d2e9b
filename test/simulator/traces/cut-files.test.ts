import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parseTrace } from "../../../simulator/traces/read-trace.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/traces/${name}`, import.meta.url), "utf8");

const lineFormats = ["mooncake.jsonl", "azure.csv", "burstgpt.csv", "burstgpt-sessions.csv", "qwen-bailian.jsonl"];

for (const name of lineFormats) {
  test(`cut off anywhere, ${name} loses no whole row and says so`, () => {
    const text = fixture(name);
    const header = name.endsWith(".csv") ? 1 : 0;
    for (let length = 1; length <= text.length; length++) {
      const cut = text.slice(0, length);
      const whole = (cut.match(/\n/g)?.length ?? 0) - header;
      let read: ReturnType<typeof parseTrace>;
      try {
        read = parseTrace("f", cut, { rawTimes: true });
      } catch (error) {
        // The first row is a failed request of one file; there is nothing to read before the second.
        assert.ok(whole <= 0, `${whole} whole rows: ${String(error)}`);
        assert.match(String(error), /^Error: Cannot (?:read trace|use row) "f/);
        continue;
      }
      const { requests, skipped, failures } = read;
      const seen = requests.count + skipped + failures;
      assert.ok(seen === whole || seen === whole + 1, `${seen} of ${whole} rows at ${length}`);
      assert.ok(skipped <= 1, `${skipped} skipped at ${length}`);
    }
  });
}

test("cut off anywhere, an inference-perf report keeps the items before the cut", () => {
  const text = fixture("inference-perf.json");
  const ends = [...text.matchAll(/^ {2}\}/gm)].map(({ index }) => index + 3);
  for (let length = 1; length <= text.length; length++) {
    const whole = ends.filter((end) => end <= length).length;
    try {
      const { requests, failures } = parseTrace("f", text.slice(0, length));
      assert.equal(requests.count + failures, whole);
    } catch (error) {
      assert.equal(whole, 0, `${whole} whole items at ${length}: ${String(error)}`);
      assert.doesNotMatch(String(error), /secret/);
    }
  }
});

test("no file brings down more than a named error", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    "\n",
    "\r",
    "\\",
    "null",
    "-1",
    "1e999",
    "timestamp",
    '"input_length":',
    "\u0000",
  ];
  const noise = fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.constantFrom(...lineFormats, "inference-perf.json"), noise, fc.nat(), (name, extra, at) => {
      const text = fixture(name);
      const place = at % (text.length + 1);
      try {
        const { requests, skipped, problems } = parseTrace("f", text.slice(0, place) + extra + text.slice(place));
        assert.ok(requests.count >= 1 && problems.length <= skipped, `${requests.count} requests`);
        assert.ok(
          requests.arrivalMs.every((atMs, row) => atMs >= (requests.arrivalMs[row - 1] ?? 0) && atMs < Infinity),
        );
      } catch (error) {
        assert.match(String(error), /^Error: Cannot (?:read trace|use row) "f/);
      }
    }),
    { numRuns: 400 },
  );
});
