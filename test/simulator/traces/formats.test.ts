import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { RequestTable } from "../../../simulator/engine/request-table.ts";
import { formatRowProblem } from "../../../simulator/traces/row-problems.ts";
import { parseTrace, type TraceOptions } from "../../../simulator/traces/read-trace.ts";
import { traceFormats } from "../../../simulator/traces/trace-formats.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/traces/${name}`, import.meta.url), "utf8");

/** A load as lists, the blocks of each row apart. */
function listsOf(requests: RequestTable): Record<string, unknown> {
  const { count, blockStart, blocks } = requests;
  return {
    arrivalMs: [...requests.arrivalMs].map((atMs) => Math.round(atMs * 1e4) / 1e4),
    promptTokens: [...requests.promptTokens],
    outputTokens: [...requests.outputTokens],
    afterRow: [...requests.afterRow],
    delayMs: [...requests.delayMs],
    session: [...requests.session],
    models: [...requests.model].map((model) => requests.models[model]),
    adapters: [...requests.adapter].map((adapter) => requests.adapters[adapter] ?? null),
    blocks: Array.from({ length: count }, (_, row) => [...blocks.subarray(blockStart[row], blockStart[row + 1])]),
    blockTokens: requests.blockTokens,
  };
}

const read = (name: string, options: TraceOptions = {}): ReturnType<typeof parseTrace> =>
  parseTrace(name, fixture(name), { rawTimes: true, ...options });

test("Mooncake: times in ms, full blocks of 512 tokens", () => {
  const { format, requests, skipped, failures } = read("mooncake.jsonl");
  assert.deepEqual([format, skipped, failures], ["mooncake", 0, 0]);
  assert.deepEqual(listsOf(requests), {
    arrivalMs: [0, 0, 3000, 3000, 3000],
    promptTokens: [1100, 1600, 600, 400, 2048],
    outputTokens: [20, 30, 40, 5, 5],
    afterRow: [-1, -1, -1, -1, -1],
    delayMs: [0, 0, 0, 0, 0],
    session: [-1, -1, -1, -1, -1],
    models: ["model", "model", "model", "model", "model"],
    adapters: [null, null, null, null, null],
    blocks: [[1, 2], [1, 2, 3], [1], [], [1, 2, 3, 4]],
    blockTokens: 512,
  });
});

test("Mooncake with sessions: a row with a delay follows on the row before it in its session", () => {
  const { requests } = read("mooncake-sessions.jsonl");
  const { arrivalMs, afterRow, delayMs, session } = listsOf(requests);
  assert.deepEqual(
    { arrivalMs, afterRow, delayMs, session },
    {
      arrivalMs: [0, 1500, 2000],
      afterRow: [-1, -1, 0],
      delayMs: [0, 0, 2000],
      session: [0, -1, 0],
    },
  );
  assert.deepEqual([...read("mooncake-sessions.jsonl", { openLoop: true }).requests.afterRow], [-1, -1, -1]);
});

test("Azure: seven digits of a second, over midnight, without a fraction", () => {
  const { format, requests, notes } = read("azure.csv");
  assert.deepEqual([format, notes], ["azure", []]);
  const { arrivalMs, promptTokens, outputTokens, blocks } = listsOf(requests);
  assert.deepEqual(
    { arrivalMs, promptTokens, outputTokens, blocks },
    {
      arrivalMs: [0, 4314.579, 20_653_319.4099, 20_653_319.41],
      promptTokens: [374, 396, 879, 91],
      outputTokens: [44, 109, 55, 16],
      blocks: [[], [], [], []],
    },
  );
});

test("Azure multimodal: columns by name, zones, images told", () => {
  const { format, requests, notes } = read("azure-multimodal.csv");
  assert.deepEqual([format, notes], ["azure", ["1 requests have images; they count by ContextTokens alone."]]);
  assert.deepEqual(listsOf(requests)["arrivalMs"], [0, 1250]);
  assert.deepEqual([...requests.promptTokens], [1500, 310]);
});

test("BurstGPT: an answer of no tokens is a failure, counted apart", () => {
  const { format, requests, failures, skipped } = read("burstgpt.csv");
  assert.deepEqual([format, failures, skipped], ["burstgpt", 1, 0]);
  const { arrivalMs, models, promptTokens } = listsOf(requests);
  assert.deepEqual(
    { arrivalMs, models, promptTokens },
    {
      arrivalMs: [0, 40_000, 115_000],
      models: ["ChatGPT", "GPT-4", "ChatGPT"],
      promptTokens: [472, 1087, 300],
    },
  );
});

test("BurstGPT 3: the time to think is what the elapsed time leaves of the gap", () => {
  const { arrivalMs, afterRow, delayMs, session, promptTokens } = listsOf(read("burstgpt-sessions.csv").requests);
  assert.deepEqual(
    { promptTokens, arrivalMs, afterRow, delayMs, session },
    {
      promptTokens: [100, 50, 240, 300, 400],
      // 30 - 10 - 4.5 s after the first; 33 - 30 - 6 < 0; without an elapsed time at its own time.
      arrivalMs: [0, 2000, 15_500, 15_500, 50_000],
      afterRow: [-1, -1, 0, 2, 3],
      delayMs: [0, 0, 15_500, 0, 0],
      session: [0, -1, 0, 0, 0],
    },
  );
});

test("Qwen-Bailian: seconds, blocks of 16 tokens, turns follow on their parents", () => {
  const { format, requests, notes } = read("qwen-bailian.jsonl");
  assert.equal(format, "qwen-bailian");
  assert.deepEqual(notes, [
    "1 turns have a parent that is not before them in the file; they begin sessions of their own.",
  ]);
  const { arrivalMs, afterRow, session, blocks, blockTokens } = listsOf(requests);
  assert.deepEqual(
    { arrivalMs, afterRow, session, blocks, blockTokens },
    {
      arrivalMs: [0, 500, 13_750, 18_500],
      afterRow: [-1, -1, 0, -1],
      session: [0, 1, 0, 2],
      blocks: [[1, 2, 3], [1], [1, 2, 3, 4, 5], [6]],
      blockTokens: 16,
    },
  );
});

test("inference-perf: old and new reports, errors are failures, sorted by start", () => {
  const { format, requests, failures } = read("inference-perf.json");
  assert.deepEqual([format, failures], ["inference-perf", 1]);
  const { arrivalMs, promptTokens, outputTokens, adapters } = listsOf(requests);
  assert.deepEqual(
    { arrivalMs, promptTokens, outputTokens, adapters },
    {
      arrivalMs: [0, 500],
      promptTokens: [64, 120],
      outputTokens: [7, 3],
      adapters: ["adapter-1", null],
    },
  );
});

test("quantised times are spread within the quantum, seeded; the same requests stay", () => {
  const spread = parseTrace("m", fixture("mooncake.jsonl"), { seed: 3 });
  assert.deepEqual(spread.notes, ["Times are rounded to 3000 ms; requests were spread evenly over that."]);
  const times = [...spread.requests.arrivalMs];
  assert.equal(new Set(times).size, 5);
  assert.ok(times.slice(0, 2).every((atMs) => atMs >= 0 && atMs < 3000));
  assert.ok(times.slice(2).every((atMs) => atMs >= 3000 && atMs < 6000));
  assert.deepEqual([...parseTrace("m", fixture("mooncake.jsonl"), { seed: 3 }).requests.arrivalMs], times);
  assert.notDeepEqual([...parseTrace("m", fixture("mooncake.jsonl"), { seed: 4 }).requests.arrivalMs], times);
});

test("times that are not quantised stay", () => {
  assert.deepEqual(parseTrace("a", fixture("azure.csv"), {}).requests, read("azure.csv").requests);
});

const badRows: readonly { readonly name: string; readonly text: string; readonly want: string }[] = [
  {
    name: "JSON cut off in the last row",
    text: `${fixture("mooncake.jsonl")}{"timestamp": 6000, "input_le`,
    want: 'Cannot use row "f:6": a row cut off, expected a JSON object on one line',
  },
  {
    name: "no JSON in the middle",
    text: fixture("mooncake.jsonl").replace("\n", "\nsecret words\n"),
    want: 'Cannot use row "f:2": text that is no JSON object, expected a JSON object on one line',
  },
  {
    name: "a length that is a text",
    text: `${fixture("mooncake.jsonl")}{"timestamp": 1, "input_length": "secret words", "output_length": 1}\n`,
    want: 'Cannot use row "f:6": input_length a text that is no number, expected a whole number from 1 to 100000000',
  },
  {
    name: "more ids than tokens",
    text: `${fixture("mooncake.jsonl")}{"timestamp": 1, "input_length": 512, "output_length": 1, "hash_ids": [1, 2]}\n`,
    want: 'Cannot use row "f:6": 2 hash_ids, expected at most 1 whole numbers for 512 tokens',
  },
  {
    name: "a time before the start",
    text: `${fixture("mooncake.jsonl")}{"timestamp": -5, "input_length": 512, "output_length": 1, "hash_ids": []}\n`,
    want: 'Cannot use row "f:6": timestamp -5, expected a number of ms from 0',
  },
  {
    name: "half a CSV row",
    text: `${fixture("azure.csv")}2023-11-17 00:00:0`,
    want: 'Cannot use row "f:6": a row cut off, expected 3 fields',
  },
  {
    name: "half a CSV row with all its commas",
    text: `${fixture("azure.csv")}2023-11-17 00:00:07,91,`,
    want: 'Cannot use row "f:6": GeneratedTokens an empty text, expected a whole number from 1 to 100000000',
  },
  {
    name: "a CSV row with a field too many",
    text: `${fixture("azure.csv")}2023-11-17 00:00:07,91,3,4\n`,
    want: 'Cannot use row "f:6": 4 fields, expected 3 fields',
  },
  {
    name: "a date that is none",
    text: `${fixture("azure.csv")}2023-13-17 00:00:07,91,3\n`,
    want: 'Cannot use row "f:6": TIMESTAMP "2023-13-17 00:00:07", expected a date like 2023-11-16 18:15:46.6805900',
  },
  {
    name: "half a CSV row in a file with quotes",
    text: `${fixture("burstgpt.csv").replace("API log", '"API, log"')}121,Chat`,
    want: 'Cannot use row "f:6": a row cut off, expected 6 fields',
  },
  {
    name: "a quote that never closes",
    text: fixture("azure.csv").replace(",91,", ',"91,'),
    want: 'Cannot use row "f:5": ContextTokens a text that is no number, expected a whole number from 1 to 100000000',
  },
  {
    name: "prompt tokens of 0",
    text: `${fixture("burstgpt.csv")}121,ChatGPT,0,7,7,API log\n`,
    want: 'Cannot use row "f:6": Request tokens "0", expected a whole number from 1 to 100000000',
  },
  {
    name: "a time beyond all times",
    text: `${fixture("burstgpt.csv")}1e999,ChatGPT,9,7,7,API log\n`,
    want: 'Cannot use row "f:6": Timestamp "1e999", expected a number of seconds from 0',
  },
  {
    name: "a chat without its id",
    text: `${fixture("qwen-bailian.jsonl")}{"timestamp": 90, "input_length": 5, "output_length": 1, "hash_ids": []}\n`,
    want: 'Cannot use row "f:5": chat_id nothing, expected a number or a text',
  },
  {
    name: "an item without lengths",
    text: `${fixture("inference-perf.json").trimEnd().slice(0, -1)}, {"start_time": 3, "info": {}, "error": null}]`,
    want: 'Cannot use row "f[3]": input_tokens nothing, expected a whole number from 1 to 100000000',
  },
  {
    name: "a report cut off",
    text: fixture("inference-perf.json").slice(0, -120),
    want: 'Cannot use row "f[2]": an item cut off, expected a whole list',
  },
];

for (const { name, text, want } of badRows) {
  test(`a bad row is named and counted, the others stay: ${name}`, () => {
    const trace = parseTrace("f", text, { rawTimes: true });
    assert.deepEqual(trace.problems.map(formatRowProblem), [want]);
    assert.equal(trace.skipped, 1);
    assert.ok(trace.requests.count >= 1);
    assert.doesNotMatch(JSON.stringify(trace), /secret/);
  });
}

test("all bad rows are counted, twenty are kept", () => {
  const text = fixture("azure.csv") + "x,1,1\n".repeat(50);
  const { skipped, problems, requests } = parseTrace("f", text);
  assert.deepEqual([skipped, problems.length, requests.count], [50, 20, 4]);
});

const refused: readonly { readonly name: string; readonly text: string; readonly want: RegExp }[] = [
  { name: "empty", text: "", want: /^Cannot read trace "f": it is empty, expected one of: \n {2}Mooncake/ },
  { name: "blank", text: " \n\n", want: /it is empty/ },
  { name: "another CSV", text: "user,prompt\na,b\n", want: /CSV with the columns user, prompt, expected one of: / },
  { name: "another JSONL", text: '{"prompt": "secret"}\n', want: /JSON objects with prompt, expected one of: / },
  { name: "other JSON", text: "[1, 2]", want: /JSON of another kind, expected one of: / },
  { name: "text", text: "dear diary: secret words\n", want: /text of another kind, expected one of: / },
  { name: "binary", text: "\u0000\u0001\u0002", want: /binary data, expected one of: / },
  { name: "a header alone", text: "TIMESTAMP,ContextTokens,GeneratedTokens\n", want: /no rows, expected Azure CSV/ },
  {
    name: "bad rows alone",
    text: "TIMESTAMP,ContextTokens,GeneratedTokens\nx,1,1\ny,1,1\n",
    want: /^Cannot use row "f:2": .*; none of 2 rows can be used$/,
  },
  {
    name: "failures alone",
    text: fixture("burstgpt.csv")
      .split("\n")
      .filter((_, i) => i % 3 === 0)
      .join("\n"),
    want: /1 failed requests and no other/,
  },
];

for (const { name, text, want } of refused) {
  test(`a file without requests is refused with what was expected: ${name}`, () => {
    assert.throws(
      () => parseTrace("f", text),
      (error: Error) => {
        assert.match(error.message, want);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
}

test("the format shows in the content, not in the name, and each fixture is of one format", () => {
  for (const name of ["mooncake.jsonl", "azure.csv", "burstgpt.csv", "qwen-bailian.jsonl", "inference-perf.json"]) {
    assert.equal(parseTrace("x.bin", `\n${fixture(name)}`).format, name.split(".")[0]);
  }
  assert.equal(traceFormats.length, 5);
});

test("carriage returns and a missing last line feed change nothing", () => {
  for (const name of ["mooncake.jsonl", "azure.csv", "burstgpt-sessions.csv", "qwen-bailian.jsonl"]) {
    const want = read(name);
    for (const text of [fixture(name).replaceAll("\n", "\r\n"), fixture(name).trimEnd()]) {
      assert.deepEqual(parseTrace(name, text, { rawTimes: true }), want);
    }
  }
});
