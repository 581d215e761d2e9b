import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MetricReport } from "../../src/doctor/endpoint-report.ts";
import { aMetricsConfig, diagnosed, observe, readWallMs } from "../support/a-pool.ts";
import { enginePages } from "../support/engine-pages.ts";

const label = "llm-d.ai/engine-type";

const gauge = (name: string, value: number | string, labels = '{engine="0"}', type = "gauge"): string =>
  `# TYPE ${name} ${type}\n${name}${labels} ${value}\n`;

/** A vLLM page whose parts can be replaced. */
function vllmPage(
  parts: Readonly<Partial<Record<"waiting" | "running" | "kv" | "cache" | "lora", string>>> = {},
): string {
  const {
    waiting = gauge("vllm:num_requests_waiting", 1),
    running = gauge("vllm:num_requests_running", 2),
    kv = gauge("vllm:kv_cache_usage_perc", 0.5),
    cache = gauge("vllm:cache_config_info", 1, '{block_size="16",engine="0",num_gpu_blocks="2048"}'),
    lora = gauge("vllm:lora_requests_info", 1.7e9, '{max_lora="2",running_lora_adapters="a",waiting_lora_adapters=""}'),
  } = parts;
  return waiting + running + kv + cache + lora;
}

/** Findings as `severity code message`. */
const found = (...pages: string[]): string[] =>
  diagnosed([observe("a", pages)]).findings.map(({ severity, code, message }) => `${severity} ${code}: ${message}`);

test("a whole page gives no finding", () => assert.deepEqual(found(vllmPage()), []));

const odd: readonly (readonly [what: string, pages: readonly string[], want: readonly string[]])[] = [
  [
    "the KV gauge under its former name",
    [vllmPage({ kv: gauge("vllm:gpu_cache_usage_perc", 0.5) })],
    [
      "error metric-absent: KV use unknown: vllm:kv_cache_usage_perc is not on the page, but vllm:gpu_cache_usage_perc is",
    ],
  ],
  [
    "a colon that a collector has replaced",
    [vllmPage({ waiting: gauge("vllm_num_requests_waiting", 0) })],
    [
      "error metric-absent: waiting requests unknown: vllm:num_requests_waiting is not on the page, but vllm_num_requests_waiting is",
    ],
  ],
  [
    "a gauge that nothing resembles",
    [vllmPage({ running: "" })],
    ["error metric-absent: running requests unknown: vllm:num_requests_running is not on the page"],
  ],
  [
    "NaN",
    [vllmPage({ kv: gauge("vllm:kv_cache_usage_perc", "NaN") })],
    ["error metric-unusable: KV use unknown: vllm:kv_cache_usage_perc is NaN, expected a finite number"],
  ],
  [
    "infinity",
    [vllmPage({ waiting: gauge("vllm:num_requests_waiting", "+Inf") })],
    ["error metric-unusable: waiting requests unknown: vllm:num_requests_waiting is +Inf, expected a finite number"],
  ],
  [
    "a negative count",
    [vllmPage({ running: gauge("vllm:num_requests_running", -1) })],
    ["error metric-unusable: running requests unknown: vllm:num_requests_running is -1, expected 0 to 10000000"],
  ],
  [
    "a percentage",
    [vllmPage({ kv: gauge("vllm:kv_cache_usage_perc", 37.5) })],
    ["error metric-unusable: KV use unknown: vllm:kv_cache_usage_perc is 37.5, expected 0 to 1, not a percentage"],
  ],
  [
    "a histogram",
    [vllmPage({ waiting: '# TYPE vllm:num_requests_waiting histogram\nvllm:num_requests_waiting_bucket{le="1"} 1\n' })],
    ["error metric-unusable: waiting requests unknown: vllm:num_requests_waiting has type histogram, expected a gauge"],
  ],
  [
    "a counter",
    [vllmPage({ running: gauge("vllm:num_requests_running", 2, '{engine="0"}', "counter") })],
    [
      "warning metric-is-counter: vllm:num_requests_running is a counter on the page, expected a gauge: its value is taken for the present load",
    ],
  ],
  [
    "no LoRA family",
    [vllmPage({ lora: "" })],
    ["note adapters-absent: LoRA adapters unknown: vllm:lora_requests_info is not on the page"],
  ],
  [
    "no cache family",
    [vllmPage({ cache: "" })],
    ["warning block-size-unknown: KV block size unknown: vllm:cache_config_info is not on the page"],
  ],
  [
    "a cache family without labels that can be used",
    [vllmPage({ cache: gauge("vllm:cache_config_info", 1, '{block_size="None",engine="0"}') })],
    [
      "warning block-size-unknown: KV block size unknown: vllm:cache_config_info has no label with a block size or number of blocks",
    ],
  ],
  [
    "blocks without a size",
    [vllmPage({ cache: gauge("vllm:cache_config_info", 1, '{engine="0",num_gpu_blocks="9"}') })],
    ["warning block-size-unknown: KV block size unknown: vllm:cache_config_info gives none that can be used"],
  ],
  [
    "series that differ in another label than the rank",
    [vllmPage({ waiting: `vllm:num_requests_waiting{dp_rank="0"} 1\nvllm:num_requests_waiting{dp_rank="1"} 9\n` })],
    [
      "warning series-ignored: vllm:num_requests_waiting has 2 series that differ in dp_rank; the picker reads 1, the first or newest for each value of the label engine",
    ],
  ],
  [
    "a broken line",
    [vllmPage({ waiting: `${gauge("vllm:num_requests_waiting", 1)}vllm:num_requests_waiting{engine="1 2\n` })],
    ["warning lines-rejected: 1 lines of wanted metrics break the text format and are left out"],
  ],
  [
    "KV use of ranks without their blocks",
    [vllmPage({ kv: 'vllm:kv_cache_usage_perc{engine="0"} 0.2\nvllm:kv_cache_usage_perc{engine="1"} 0.4\n' })],
    ["note kv-unweighted: KV use of 2 ranks is their plain mean: not every rank tells its number of blocks"],
  ],
  [
    "a queue while nothing runs",
    [vllmPage({ running: gauge("vllm:num_requests_running", 0) })],
    ["warning queue-without-running: rank 0: requests wait and none runs, in every read"],
  ],
  [
    "a queue while nothing runs, in one of two reads",
    [vllmPage({ running: gauge("vllm:num_requests_running", 0) }), vllmPage()],
    [],
  ],
  [
    "no KV use while requests run",
    [vllmPage({ kv: gauge("vllm:kv_cache_usage_perc", 0) })],
    ["warning kv-empty-while-running: rank 0: KV use is 0 while requests run, in every read"],
  ],
  [
    "a full KV cache",
    [
      vllmPage({ kv: gauge("vllm:kv_cache_usage_perc", 0.995) }),
      vllmPage({ kv: gauge("vllm:kv_cache_usage_perc", 1) }),
    ],
    ["warning kv-full: rank 0: KV use is above 0.99 in every read"],
  ],
  [
    "a page that stands still while requests run",
    [vllmPage(), vllmPage(), vllmPage()],
    ["warning page-frozen: 3 reads gave the same page to the byte while requests run"],
  ],
  [
    "a page that stands still while nothing runs",
    [0, 1].map(() =>
      vllmPage({ running: gauge("vllm:num_requests_running", 0), waiting: gauge("vllm:num_requests_waiting", 0) }),
    ),
    [],
  ],
  [
    "old timestamps",
    [vllmPage({ waiting: `vllm:num_requests_waiting{engine="0"} 1 ${readWallMs - 90_000}\n` })],
    ["warning timestamps-old: the newest sample on the page carries a timestamp 90.0 s before the read"],
  ],
  [
    "timestamps of the future",
    [vllmPage({ waiting: `vllm:num_requests_waiting{engine="0"} 1 ${readWallMs + 5000}\n` })],
    ["warning timestamps-ahead: the newest sample on the page carries a timestamp 5.0 s after the read"],
  ],
  ["fresh timestamps", [vllmPage({ waiting: `vllm:num_requests_waiting{engine="0"} 1 ${readWallMs - 100}\n` })], []],
  [
    "a page of more than 2 MiB",
    [`${vllmPage()}${`# ${"x".repeat(1000)}\n`.repeat(2200)}`],
    ["warning large-page: the page has 2.1 MiB; above 4 MiB it is refused"],
  ],
];
for (const [what, pages, want] of odd) {
  test(`doctor on ${what}`, () => assert.deepEqual(found(...pages), want));
}

test("a slow page is found by its times", () => {
  const observation = observe("a", [vllmPage()]);
  const slow = { ...observation, reads: observation.reads.map((read) => ({ ...read, durationMs: 700 })) };
  assert.deepEqual(
    diagnosed([slow]).findings.map(({ code, message }) => `${code}: ${message}`),
    ["slow-page: a page takes 700 ms on average; a scrape ends after 1000 ms"],
  );
});

const load = { waiting: 1, running: 2, kvCacheRatio: 0.5 };

for (const [engine, page] of Object.entries(enginePages)) {
  test(`doctor finds every metric of ${engine}`, () => {
    const report = diagnosed([observe("a", [page(load)], { labels: { [label]: engine } })]);
    assert.deepEqual([report.errors, report.warnings], [0, 0], JSON.stringify(report.findings));
    const [endpoint] = report.endpoints;
    assert.deepEqual(endpoint?.engine, { name: engine, from: "label" });
    const absent = endpoint?.metrics
      .filter(({ verdict }: MetricReport) => verdict !== "found")
      .map(({ signal }) => signal);
    assert.deepEqual(absent, engine === "vllm" ? ["adapters"] : []);
    const [rank] = endpoint?.ranks ?? [];
    assert.deepEqual([rank?.waitingRequests?.mean, rank?.runningRequests?.mean], [1, 2]);
    assert.equal(rank?.kvCacheRatio?.mean, engine === "triton" ? undefined : 0.5);
  });

  test(`doctor takes a page of ${engine} for what it is, whatever the endpoint is read as`, () => {
    for (const other of Object.keys(enginePages).filter((name) => name !== engine)) {
      const report = diagnosed([observe("a", [page(load)], { labels: { [label]: other } })]);
      const [mismatch] = report.findings.filter(({ code }) => code === "engine-mismatch");
      assert.match(
        mismatch?.message ?? "",
        new RegExp(`^the page looks like that of ${engine} .* is read as ${other} `),
      );
      assert.equal(mismatch?.severity, "error");
      assert.deepEqual(
        report.findings.filter(({ code }) => code === "metric-absent"),
        [],
      );
    }
  });
}

test("a page that has a whole engine and more of another is a note", () => {
  const both = enginePages["triton"]!(load) + enginePages["triton-tensorrt-llm"]!(load);
  const report = diagnosed([observe("a", [both], { labels: { [label]: "triton" } })]);
  assert.deepEqual(
    report.findings.map(({ severity, code }) => `${severity} ${code}`),
    ["note engine-mismatch", "note metric-is-total"],
  );
});

test("an engine's label that nobody knows is a warning, the label of the config is named", () => {
  const metrics = aMetricsConfig(
    "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{type: core-metrics-extractor, parameters: {engineLabelKey: my/engine}}]\n",
  );
  const report = diagnosed(
    [observe("a", [enginePages["sglang"]!(load)], { labels: { "my/engine": "mlc" }, metrics })],
    metrics,
  );
  assert.deepEqual(
    report.findings.map(({ code, message, advice }) => [code, message, advice]),
    [
      [
        "engine-mismatch",
        "the page looks like that of sglang (3 of 3 load metrics), the endpoint is read as vllm (0 of 3)",
        "label the endpoint my/engine: sglang, or set defaultEngine (core-metrics-extractor)",
      ],
      [
        "engine-unknown",
        "the label my/engine: mlc names no engine, the endpoint is read as vllm, the default",
        "correct the label, or describe the engine in engineConfigs (core-metrics-extractor)",
      ],
    ],
  );
});

test("ranks are told apart, and what the picker makes of them is said", () => {
  const dp = (values: readonly number[]): string =>
    values
      .map(
        (value, rank) =>
          `vllm:num_requests_waiting{engine="${rank}"} ${value}\nvllm:num_requests_running{engine="${rank}"} ${rank}\n` +
          `vllm:kv_cache_usage_perc{engine="${rank}"} ${value / 10}\nvllm:cache_config_info{block_size="16",engine="${rank}",num_gpu_blocks="${100 + 200 * rank}"} 1\n`,
      )
      .join("");
  const [endpoint] = diagnosed([observe("a", [dp([0, 4]), dp([2, 6])])]).endpoints;
  assert.deepEqual(
    endpoint?.ranks.map(({ rank, waitingRequests, kvCacheRatio }) => [rank, waitingRequests, kvCacheRatio]),
    [
      ["0", { min: 0, mean: 1, max: 2 }, { min: 0, mean: 0.1, max: 0.2 }],
      ["1", { min: 4, mean: 5, max: 6 }, { min: 0.4, mean: 0.5, max: 0.6 }],
    ],
  );
  assert.deepEqual(endpoint?.signals, {
    waitingRequests: 8,
    runningRequests: 1,
    kvCacheRatio: (0.2 * 100 + 0.6 * 300) / 400,
    blockSizeTokens: 16,
    blocks: 400,
  });
});

test("a report lists 64 ranks and counts all", () => {
  const page = Array.from({ length: 200 }, (_, rank) => `vllm:num_requests_waiting{engine="${rank}"} 1\n`).join("");
  const [endpoint] = diagnosed([observe("a", [page])]).endpoints;
  assert.deepEqual([endpoint?.ranks.length, endpoint?.rankCount, endpoint?.ranks[9]?.rank], [64, 200, "9"]);
});

test("no page makes the doctor throw, and all its text is printable", () => {
  const names = [...vllmPage().matchAll(/^[^#\s{]+/gm)].map(([name]) => name);
  const value = fc.oneof(
    fc.constantFrom("NaN", "-1", "1e308", "0.5", "Inf", "0x1", "", "7 9", "7 -9"),
    fc.double().map(String),
  );
  const labels = fc.oneof(
    fc.constantFrom("", "{", "{}", '{engine="0"}', '{engine="1",x="y"}', '{block_size="0"}'),
    fc.string({ unit: "binary", maxLength: 20 }).map((text) => `{engine="${text}"}`),
  );
  const line = fc.oneof(
    fc.tuple(fc.constantFrom(...names), labels, value).map(([name, set, number]) => `${name}${set} ${number}\n`),
    fc
      .tuple(fc.constantFrom(...names), fc.string({ unit: "binary", maxLength: 9 }))
      .map(([name, type]) => `# TYPE ${name} ${type}\n`),
    fc.string({ unit: "binary", maxLength: 30 }).map((text) => `${text}\n`),
  );
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 12 }), { minLength: 1, maxLength: 3 }), (pages) => {
      const report = diagnosed([
        observe(
          "a",
          pages.map((lines) => lines.join("")),
        ),
      ]);
      const texts = report.findings.flatMap(({ message, advice = "" }) => [message, advice]);
      const shown = report.endpoints.flatMap(({ ranks, metrics }) => [
        ...ranks.map(({ rank }) => rank),
        ...metrics.flatMap(({ type = "", similar = "", problem = "" }) => [type, similar, problem]),
      ]);
      for (const text of [...texts, ...shown]) assert.match(text, /^[\x20-\x7e]*$/);
    }),
    { numRuns: 300 },
  );
});
