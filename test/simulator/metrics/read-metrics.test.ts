import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { formatRowProblem } from "../../../simulator/traces/row-problems.ts";
import type { EndpointSeries, RecordedMetrics } from "../../../simulator/metrics/recorded-metrics.ts";
import { metricsFormats, placeOfFile, readMetrics } from "../../../simulator/metrics/read-metrics.ts";

const root = mkdtempSync(join(tmpdir(), "epp-metrics-"));
after(() => rmSync(root, { recursive: true }));
let files = 0;

/** Writes files into a folder of their own and reads it, or the only one. */
function read(contents: Readonly<Record<string, string>> | string): RecordedMetrics {
  const folder = join(root, `${files++}`);
  const all = typeof contents === "string" ? { file: contents } : contents;
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return readMetrics(typeof contents === "string" ? join(folder, "file") : folder);
}

const only = ({ endpoints }: RecordedMetrics): EndpointSeries => {
  assert.equal(endpoints.length, 1);
  return endpoints[0]!;
};

const page = (running: number, prompts: number): string => `# HELP vllm:num_requests_running Running.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} ${running}.0
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:prompt_tokens_total{engine="0",model_name="m"} ${prompts}
vllm:prompt_tokens_created{engine="0",model_name="m"} 1.7e+09
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 3
vllm:request_success_total{engine="0",finished_reason="length",model_name="m"} 4
vllm:time_to_first_token_seconds_bucket{le="0.1",model_name="m"} 1
vllm:time_to_first_token_seconds_bucket{le="+Inf",model_name="m"} 2
vllm:time_to_first_token_seconds_count{model_name="m"} 2
vllm:time_to_first_token_seconds_sum{model_name="m"} 0.5
vllm:cache_config_info{block_size="16",num_gpu_blocks="1000",enable_prefix_caching="True"} 1.0
process_open_fds 12
`;

test("a folder of scrapes: endpoint and instant from folders and names, every unit of time", () => {
  const { endpoints, notes, skipped } = read({
    "pod-a/1700000000000.prom": page(1, 100),
    "pod-a/1700000001000.prom": page(3, 250),
    "pod-b-1700000000.log": page(5, 10),
    "pod-b-1700000002.log": page(6, 40),
  });
  assert.deepEqual([notes, skipped], [[], 0]);
  assert.deepEqual(
    endpoints.map(({ endpoint, timesMs, gauges, counters }) => [
      endpoint,
      ...[
        timesMs,
        gauges.running,
        gauges.waiting,
        gauges.kvCacheRatio,
        counters.promptTokens,
        counters.finishedRequests,
      ].map((values) => [...values]),
    ]),
    [
      ["pod-a", [1_700_000_000_000, 1_700_000_001_000], [1, 3], [2, 2], [0.25, 0.25], [0, 150], [0, 0]],
      ["pod-b", [1_700_000_000_000, 1_700_000_002_000], [5, 6], [2, 2], [0.25, 0.25], [0, 30], [0, 0]],
    ],
  );
  assert.deepEqual([endpoints[0]?.blockSizeTokens, endpoints[0]?.kvBlocks], [16, 1000]);
  assert.deepEqual(endpoints[0]?.histograms.ttftSeconds.bounds, [0.1, Number.POSITIVE_INFINITY]);
  const names: readonly (readonly [string, number | undefined, string | undefined])[] = [
    ["r/p/1700000000.prom", 1_700_000_000_000, "p"],
    ["r/p-1-1700000000123456.log.gz", 1_700_000_000_123.456, "p-1"],
    ["r/p_1700000000123456789.txt", 1_700_000_000_123.456_8, "p"],
    ["r/p/latest.prom", undefined, "p"],
  ];
  for (const [file, timeMs, endpoint] of names) assert.deepEqual(placeOfFile("r", file), { timeMs, endpoint });
});

test("a file without a time in its name is of its last change, and that is said", () => {
  const { notes, endpoints } = read({ "pod/metrics.prom": page(1, 1) });
  assert.deepEqual(notes, ["1 files have no time in their names; that of their last change was taken."]);
  assert.ok(endpoints[0]!.timesMs[0]! > 1.6e12);
});

test("OpenMetrics with times in seconds, exemplars and escapes, interleaved", () => {
  const { endpoints } = read(`# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="a \\"q\\" }b",pod="x"} 1 1700000000.5
vllm:num_requests_running{model_name="a \\"q\\" }b",pod="y"} 7 1700000000.25
vllm:num_requests_running{model_name="a \\"q\\" }b",pod="x"} 2 1700000001.5
vllm:generation_tokens_total{pod="x"} 10 1700000000.5 # {trace_id="t"} 1 1700000000.4
# EOF
`);
  assert.deepEqual(
    endpoints.map(({ endpoint, timesMs, gauges }) => [endpoint, [...timesMs], [...gauges.running]]),
    [
      ["x", [1_700_000_000_500, 1_700_000_001_500], [1, 2]],
      ["y", [1_700_000_000_250], [7]],
    ],
  );
});

test("Prometheus text with times in ms, no endpoint named", () => {
  const series = only(read("vllm:num_requests_waiting 4 1700000000500\nvllm:num_requests_waiting 5 1700000001500\n"));
  assert.deepEqual(
    [series.endpoint, [...series.timesMs], [...series.gauges.waiting]],
    ["", [1_700_000_000_500, 1_700_000_001_500], [4, 5]],
  );
});

const matrix = (values: readonly (readonly [number, string])[], metric: Record<string, string>): object => ({
  metric,
  values,
});
const running = { __name__: "vllm:num_requests_running", instance: "10.0.0.1:8000" };
const tokens = { __name__: "vllm:generation_tokens_total", instance: "10.0.0.1:8000" };

test("Prometheus API: matrix and vector, NaN is unknown", () => {
  const points = [
    [1_700_000_000, "1"],
    [1_700_000_015, "NaN"],
    [1_700_000_030.5, "2"],
  ] as const;
  const all = {
    status: "success",
    data: { resultType: "matrix", result: [matrix(points, running), matrix([[1_700_000_015, "5"]], tokens)] },
  };
  const series = only(read(JSON.stringify(all)));
  assert.deepEqual([...series.timesMs], [1_700_000_000_000, 1_700_000_015_000, 1_700_000_030_500]);
  assert.deepEqual([...series.gauges.running], [1, Number.NaN, 2]);
  assert.deepEqual([...series.gauges.waiting], [Number.NaN, Number.NaN, Number.NaN]);
  const vector = {
    status: "success",
    data: { resultType: "vector", result: [{ metric: running, value: [1_700_000_000, "3"] }] },
  };
  assert.deepEqual([...only(read(JSON.stringify(vector))).gauges.running], [3]);
});

test("Prometheus API: repeated samples of a range query are told", () => {
  const at = (i: number): number => 1_700_000_000 + 5 * i;
  const stairs = (values: (i: number) => number): (readonly [number, string])[] =>
    Array.from({ length: 30 }, (_, i) => [at(i), `${values(Math.floor(i / 3))}`] as const);
  const result = [
    matrix(
      stairs((i) => 2 + (i % 3)),
      running,
    ),
    matrix(
      stairs((i) => 100 * i),
      tokens,
    ),
  ];
  const repeated = read(JSON.stringify({ data: { resultType: "matrix", result } }));
  assert.match(repeated.notes.join(), /1 of 1 endpoints repeat values while requests run/);
  assert.ok(Math.abs(only(repeated).repeatedRatio - 20 / 29) < 1e-9);
  const fresh = {
    data: {
      resultType: "matrix",
      result: [
        matrix(
          stairs((i) => 2 + i),
          running,
        ),
      ],
    },
  };
  fresh.data.result = [
    matrix(
      Array.from({ length: 30 }, (_, i) => [at(i), `${i + 1}`] as const),
      running,
    ),
  ];
  assert.deepEqual(read(JSON.stringify(fresh)).notes, []);
});

test("VictoriaMetrics export: ms, nulls are unknown", () => {
  const line = (metric: object, values: unknown[]): string =>
    JSON.stringify({ metric, values, timestamps: values.map((_, i) => 1_700_000_000_000 + 1000 * i) });
  const { endpoints } = read(
    `${line({ ...running, pod: "p" }, [1, null, 3])}\n${line({ ...tokens, pod: "p" }, [5, 8, 20])}\n`,
  );
  assert.equal(endpoints[0]?.endpoint, "p");
  assert.deepEqual([...endpoints[0]!.gauges.running], [1, Number.NaN, 3]);
  assert.deepEqual([...endpoints[0]!.counters.generationTokens], [0, 3, 15]);
});

const timed = (lines: readonly string[]): string => `${lines.join("\n")}\n`;
const traps: readonly {
  readonly name: string;
  readonly text: string;
  readonly check: (series: EndpointSeries) => void;
}[] = [
  {
    name: "a total that falls is a restart",
    text: timed([
      "vllm:prompt_tokens_total 100 1000000000000",
      "vllm:prompt_tokens_total 160 1000000001000",
      "vllm:prompt_tokens_total 30 1000000002000",
      "vllm:prompt_tokens_total 50 1000000003000",
    ]),
    check: ({ counters, resets }) => assert.deepEqual([[...counters.promptTokens], resets], [[0, 60, 90, 110], 1]),
  },
  {
    name: "names with and without _total, old names",
    text: timed([
      "vllm:prompt_tokens 1 1000000000000",
      "vllm:gpu_prefix_cache_hits_total 4 1000000000000",
      "vllm:gpu_cache_usage_perc 0.5 1000000000000",
      "vllm:time_per_output_token_seconds_count 2 1000000000000",
      "vllm:prompt_tokens 6 1000000001000",
      "vllm:gpu_prefix_cache_hits_total 9 1000000001000",
    ]),
    check: ({ counters, gauges, histograms }) => {
      assert.deepEqual([counters.promptTokens[1], counters.prefixHitTokens[1]], [5, 5]);
      assert.deepEqual([gauges.kvCacheRatio[0], histograms.itlSeconds.count[0]], [0.5, 0]);
    },
  },
  {
    name: "a new name and its old one count once",
    text: timed(["vllm:kv_cache_usage_perc 0.4 1000000000000", "vllm:gpu_cache_usage_perc 0.4 1000000000000"]),
    check: ({ gauges }) => assert.deepEqual([...gauges.kvCacheRatio], [0.4]),
  },
  {
    name: "ranks: counts are summed, shares are not",
    text: timed([
      'vllm:num_requests_running{engine="0"} 3 1000000000000',
      'vllm:num_requests_running{engine="1"} 4 1000000000000',
      'vllm:kv_cache_usage_perc{engine="0"} 0.2 1000000000000',
      'vllm:kv_cache_usage_perc{engine="1"} 0.6 1000000000000',
      'vllm:cache_config_info{engine="0",block_size="16",num_gpu_blocks="10"} 1 1000000000000',
      'vllm:cache_config_info{engine="1",block_size="16",num_gpu_blocks="20"} 1 1000000000000',
    ]),
    check: ({ gauges, kvBlocks }) =>
      assert.deepEqual([gauges.running[0], gauges.kvCacheRatio[0], kvBlocks], [7, 0.4, 30]),
  },
  {
    name: "waiting by reason is the waiting gauge in parts",
    text: timed([
      "vllm:num_requests_waiting 5 1000000000000",
      'vllm:num_requests_waiting_by_reason{reason="capacity"} 3 1000000000000',
      'vllm:num_requests_waiting_by_reason{reason="deferred"} 2 1000000000000',
    ]),
    check: ({ gauges }) => assert.deepEqual([...gauges.waiting], [5]),
  },
  {
    name: "waiting by reason alone",
    text: timed([
      'vllm:num_requests_waiting_by_reason{reason="capacity"} 3 1000000000000',
      'vllm:num_requests_waiting_by_reason{reason="deferred"} 2 1000000000000',
    ]),
    check: ({ gauges }) => assert.deepEqual([...gauges.waiting], [5]),
  },
  {
    name: "of the adapters' label sets the one used last counts",
    text: timed([
      'vllm:lora_requests_info{running_lora_adapters="a",waiting_lora_adapters=""} 100 1000000000000',
      'vllm:lora_requests_info{running_lora_adapters="b, c",waiting_lora_adapters="d"} 300 1000000000000',
      'vllm:lora_requests_info{running_lora_adapters="e",waiting_lora_adapters=""} 200 1000000000000',
    ]),
    check: ({ adapters }) => assert.deepEqual(adapters, [["b", "c", "d"]]),
  },
  {
    name: "a series that begins later counts from nothing, one that goes is unknown",
    text: timed([
      'vllm:request_success_total{finished_reason="stop"} 1 1000000000000',
      'vllm:request_success_total{finished_reason="stop"} 2 1000000001000',
      'vllm:request_success_total{finished_reason="abort"} 1 1000000001000',
      'vllm:request_success_total{finished_reason="stop"} 4 1000000002000',
    ]),
    check: ({ counters }) => assert.deepEqual([...counters.finishedRequests], [0, 1, Number.NaN]),
  },
];

for (const { name, text, check } of traps) test(`trap: ${name}`, () => check(only(read(text))));

test("a broken line is named and counted, the others stay", () => {
  const recorded = read(
    'vllm:num_requests_running{pod="a"} 1 1700000000000\nvllm:num_requests_running{pod="a} 2 1700000001000\nvllm:num_requests_running{pod="a"} 3 17000',
  );
  assert.deepEqual(recorded.problems.map(formatRowProblem), [
    `Cannot use row "${recorded.source}:2": a line of vllm:num_requests_running that is no sample, expected name{labels} value [time]`,
    `Cannot use row "${recorded.source}:3": a line cut off, expected name{labels} value [time]`,
  ]);
  assert.equal(recorded.skipped, 2);
});

const refused: readonly { readonly name: string; readonly content: string; readonly want: RegExp }[] = [
  { name: "empty", content: "", want: /no metric of a model server, expected one of: \n {2}Prometheus text/ },
  { name: "other metrics", content: "process_open_fds 3 1700000000000\n", want: /no metric of a model server/ },
  { name: "a page without times", content: page(1, 2), want: /a sample without a time/ },
  {
    name: "half a response",
    content: '{"status":"success","data":{"resultType":"matrix","result":[',
    want: /JSON cut off or broken/,
  },
  { name: "an error of the API", content: '{"status":"error","error":"x"}', want: /JSON of another kind/ },
  {
    name: "a query that dropped the name",
    content: JSON.stringify({ data: { resultType: "vector", result: [{ metric: {}, value: [1, "2"] }] } }),
    want: /a series without a name/,
  },
];

for (const { name, content, want } of refused) {
  test(`metrics that say nothing are refused: ${name}`, () => assert.throws(() => read(content), want));
}

test("every form of metrics has a name", () => assert.equal(new Set(metricsFormats.map(({ name }) => name)).size, 5));
