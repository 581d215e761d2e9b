import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import library from "parse-prometheus-text-format";
import { vllm } from "../../src/scrape/model-servers.ts";
import { createPageParser, type PageReading } from "../../src/scrape/parse.ts";

function read(page: string, metrics = vllm): PageReading {
  const reading = createPageParser(metrics)(Buffer.from(page));
  assert.equal(reading.kind, "page");
  return reading as PageReading;
}

const gauge = (name: string, ...lines: string[]): string =>
  [`# TYPE ${name} gauge`, ...lines.map((line) => `${name}${line}`), ""].join("\n");
const waiting = (...lines: string[]): string => gauge("vllm:num_requests_waiting", ...lines);
const running = (...lines: string[]): string => gauge("vllm:num_requests_running", ...lines);
const kv = (...lines: string[]): string => gauge("vllm:kv_cache_usage_perc", ...lines);
const cacheInfo = (...lines: string[]): string => gauge("vllm:cache_config_info", ...lines);
const adapters = (...lines: string[]): string => gauge("vllm:lora_requests_info", ...lines);

test("reads all signals of a vLLM page", () => {
  const page =
    "# HELP vllm:e2e_request_latency_seconds\n" +
    'vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="m"} 4.0\n' +
    running('{engine="0",model_name="m"} 3.0') +
    waiting('{engine="0",model_name="m"} 2.0') +
    kv('{engine="0",model_name="m"} 0.25') +
    cacheInfo('{block_size="16",engine="0",num_gpu_blocks="2048"} 1.0') +
    adapters('{max_lora="4",running_lora_adapters="a, b",waiting_lora_adapters=" ,c,"} 1.787e+09');
  assert.deepEqual(read(page), {
    kind: "page",
    signals: {
      waitingRequests: 2,
      runningRequests: 3,
      kvCacheRatio: 0.25,
      cacheInfo: { blockSizeTokens: 16, blocks: 2048 },
      adapters: { running: new Set(["a", "b"]), waiting: new Set(["c"]), maxAdapters: 4 },
    },
    missing: [],
    rejectedLines: 0,
    bytes: Buffer.byteLength(page),
  });
});

const counts: readonly { name: string; page: string; want: number | null | undefined; rejected?: number }[] = [
  { name: "reads a gauge", page: waiting(" 3"), want: 3 },
  { name: "F4 reads a counter", page: waiting(" 3").replace("gauge", "counter"), want: 3 },
  { name: "reads a family without a type", page: "vllm:num_requests_waiting 3\n", want: 3 },
  { name: "F4 reads an untyped family as unknown", page: waiting(" 3").replace("gauge", "untyped"), want: null },
  { name: "F4 reads a summary as unknown", page: waiting(" 3").replace("gauge", "summary"), want: null },
  {
    name: "F4 reads a histogram as unknown",
    page: waiting('_bucket{le="1"} 3', "_sum 3", "_count 3").replace("gauge", "histogram"),
    want: null,
  },
  { name: "cuts fractions", page: waiting(" 9.9"), want: 9 },
  { name: "reads exponents", page: waiting(" 4.2e1"), want: 42 },
  { name: "sums ranks", page: waiting('{engine="0"} 3', '{engine="1"} 4'), want: 7 },
  { name: "F2 takes the first of series of one rank", page: waiting('{a="x"} 3', '{a="y"} 4'), want: 3 },
  {
    name: "takes the newest timestamp of one rank",
    page: waiting('{a="x"} 3 1000', '{a="y"} 4 3000', '{a="z"} 5 3000'),
    want: 4,
  },
  { name: "takes a usable series before an unusable one", page: waiting('{a="x"} NaN', '{a="y"} 4'), want: 4 },
  { name: "is unknown when a rank is", page: waiting('{engine="0"} 3', '{engine="1"} NaN'), want: null },
  { name: "is missing when the family is", page: running(" 1"), want: undefined },
  {
    name: "is missing when its only line is cut",
    page: running(" 1") + waiting('{engine="0'),
    want: undefined,
    rejected: 1,
  },
  { name: "is missing when its only line breaks the format", page: waiting("{x=1} 2"), want: undefined, rejected: 1 },
  { name: "skips a line with text after the value", page: waiting(" 3 soon", '{a="y"} 4'), want: 4, rejected: 1 },
  { name: "accepts a last line without line feed", page: waiting(" 3").trimEnd(), want: 3 },
  { name: "accepts carriage returns", page: waiting(" 3").replaceAll("\n", "\r\n"), want: 3 },
  { name: "accepts leading blanks and tabs", page: "\t vllm:num_requests_waiting\t3\t\n", want: 3 },
  { name: "accepts blanks between labels", page: waiting(' { x = "1" , y="a , b" } 3'), want: 3 },
  { name: "accepts a trailing comma", page: waiting('{x="1",} 3'), want: 3 },
  { name: "accepts no labels in braces", page: waiting("{} 3"), want: 3 },
  { name: "does not read a name that only starts alike", page: waiting("_total 3"), want: undefined },
  { name: "does not read a comment without a blank", page: "#vllm:num_requests_waiting 3\nup 1\n", want: undefined },
  ...["NaN", "+Inf", "-Inf", "Inf", "-1", "1e308", "1e999", "0x10", "", "many", "1_000"].map((value) => ({
    name: `F07 reads the value "${value}" as unknown`,
    page: waiting(`{engine="0"} ${value}`),
    want: null,
  })),
];
for (const { name, page, want, rejected = 0 } of counts) {
  test(`waitingRequests ${name}`, () => {
    const { signals, missing, rejectedLines } = read(page);
    assert.equal(signals.waitingRequests, want);
    assert.equal(missing.includes("waitingRequests"), want === undefined);
    assert.equal(rejectedLines, rejected);
  });
}

const ratios: readonly { name: string; page: string; want: number | null | undefined }[] = [
  { name: "keeps the exact number", page: kv(" 0.21410102460834474"), want: 0.21410102460834474 },
  { name: "accepts 0 and moves rounding below it", page: kv(" -1e-9"), want: 0 },
  { name: "accepts 1 and moves rounding above it", page: kv(" 1.0000001"), want: 1 },
  { name: "refuses more than 1", page: kv(" 1.2"), want: null },
  { name: "refuses NaN", page: kv(" NaN"), want: null },
  { name: "is the mean of ranks", page: kv('{engine="0"} 0.2', '{engine="1"} 0.6'), want: 0.4 },
  {
    name: "is the mean of ranks weighted by blocks",
    page:
      kv('{engine="0"} 0.2', '{engine="1"} 0.6') +
      cacheInfo('{engine="0",num_gpu_blocks="100"} 1', '{engine="1",num_gpu_blocks="300"} 1'),
    want: 0.5,
  },
  {
    name: "is the plain mean when the blocks of a rank are unknown",
    page: kv('{engine="0"} 0.2', '{engine="1"} 0.6') + cacheInfo('{engine="0",num_gpu_blocks="100"} 1'),
    want: 0.4,
  },
];
for (const { name, page, want } of ratios) {
  test(`kvCacheRatio ${name}`, () => assert.equal(read(page).signals.kvCacheRatio, want));
}

const caches: readonly { name: string; page: string; want: unknown }[] = [
  { name: "is missing when the family is", page: kv(" 1"), want: undefined },
  {
    name: "has unknown parts for labels that are no numbers",
    page: cacheInfo('{block_size="None",num_gpu_blocks="None"} 1'),
    want: { blockSizeTokens: undefined, blocks: undefined },
  },
  {
    name: "refuses sizes out of range",
    page: cacheInfo('{block_size="0",num_gpu_blocks="2147483648"} 1'),
    want: { blockSizeTokens: undefined, blocks: undefined },
  },
  {
    name: "sums the blocks of ranks",
    page: cacheInfo('{block_size="16",engine="0",num_gpu_blocks="10"} 1', '{engine="1",num_gpu_blocks="20"} 1'),
    want: { blockSizeTokens: 16, blocks: 30 },
  },
];
for (const { name, page, want } of caches) {
  test(`cacheInfo ${name}`, () => assert.deepEqual(read(page).signals.cacheInfo, want));
}

const loras: readonly { name: string; page: string; running?: string[]; want?: "unknown" | "missing"; max?: number }[] =
  [
    { name: "F5 is missing, without an error, when the family is", page: kv(" 1"), want: "missing" },
    {
      name: "F5 come from the greatest value",
      page: adapters(
        '{running_lora_adapters="a"} 10',
        '{running_lora_adapters="b"} 12.5',
        '{running_lora_adapters="c"} 9',
      ),
      running: ["b"],
    },
    {
      name: "come from the first of equal values",
      page: adapters('{running_lora_adapters="a"} 1.787e9', '{running_lora_adapters="b"} 1787000000'),
      running: ["a"],
    },
    {
      name: "ignore values that are no finite number",
      page: adapters(
        '{running_lora_adapters="a"} NaN',
        '{running_lora_adapters="b"} 5',
        '{running_lora_adapters="c"} +Inf',
      ),
      running: ["b"],
    },
    { name: "are unknown when no value is usable", page: adapters('{running_lora_adapters="a"} NaN'), want: "unknown" },
    {
      name: "keep braces and escapes in names",
      page: adapters(String.raw`{running_lora_adapters="a}1,b\"2",max_lora="2"} 5 1787000000000`),
      running: ["a}1", 'b"2'],
      max: 2,
    },
    { name: "have no maximum when max_lora is no number", page: adapters('{max_lora="x"} 5'), running: [] },
  ];
for (const { name, page, running: names, want, max } of loras) {
  test(`adapters ${name}`, () => {
    const { signals, missing } = read(page);
    assert.equal(missing.includes("adapters"), false);
    if (want === "missing") assert.equal(signals.adapters, undefined);
    else if (want === "unknown") assert.equal(signals.adapters, null);
    else assert.deepEqual(signals.adapters, { running: new Set(names), waiting: new Set(), maxAdapters: max });
  });
}

test("F2 a spec with labels reads only series that have them", () => {
  const metrics = { ...vllm, waitingRequests: 'requests{type="waiting"}', runningRequests: "requests{type=running}" };
  const page = gauge("requests", '{type="running"} 5', '{type="waiting",x="1"} 2', '{x="1"} 9');
  const { signals, missing } = read(page, metrics);
  assert.deepEqual([signals.waitingRequests, signals.runningRequests], [2, 5]);
  assert.deepEqual(missing, ["kvCacheRatio", "cacheInfo"]);
  assert.deepEqual(read(gauge("requests", '{type="other"} 5'), metrics).missing.slice(0, 2), [
    "waitingRequests",
    "runningRequests",
  ]);
});

for (const page of ["", "\n\n", "<html><body>404</body></html>", '{"error":"not found"}', "\u0000\u0001\u0002"]) {
  test(`refuses ${JSON.stringify(page)} as malformed`, () => {
    assert.equal(createPageParser(vllm)(Buffer.from(page)).kind, "malformed");
  });
}

test("F15 a page without a wanted family is read, everything missing", () => {
  const { missing } = read("# TYPE up gauge\nup 1\n");
  assert.deepEqual(missing, ["waitingRequests", "runningRequests", "kvCacheRatio", "cacheInfo"]);
});

const load = ["waitingRequests", "runningRequests", "kvCacheRatio"];
const absences: readonly { name: string; page: string; want: readonly string[] | undefined }[] = [
  { name: "all load signals when the page has none of the engine's metrics", page: "up 1\n", want: load },
  { name: "none when the page has one of them", page: waiting(" 3"), want: undefined },
  { name: "none when the page has one of another kind", page: cacheInfo('{block_size="16"} 1'), want: undefined },
  { name: "none when a value is unusable", page: kv(" NaN"), want: undefined },
  { name: "none when a line of them breaks the format", page: waiting("{x=1} 2"), want: undefined },
];
for (const { name, page, want } of absences) {
  test(`absent are ${name}`, () => assert.deepEqual(read(page).signals.absent, want));
}

test("absent is what the engine has no metric for", () => {
  const metrics = { ...vllm, runningRequests: undefined };
  assert.deepEqual(read(waiting(" 3"), metrics).signals.absent, ["runningRequests"]);
});

test("F05 refuses pages with too many lines", () => {
  const parse = createPageParser(vllm);
  assert.equal(parse(Buffer.from("up 1\n".repeat(20_001))).kind, "too-large");
  assert.equal(parse(Buffer.from("vllm:num_requests_waiting 1\n".repeat(1_025))).kind, "too-large");
  assert.equal(parse(Buffer.from("up 1\n".repeat(20_000))).kind, "page");
});

test("T21 refuses a page whose wanted lines have too many labels to be read in time", () => {
  const line = (i: number): string =>
    `vllm:num_requests_waiting{i="${i}",${Array.from({ length: 400 }, (_, j) => `l${j}="v"`).join(",")}} 1\n`;
  const pageOf = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(""));
  const tooLong = createPageParser(vllm)(pageOf(100));
  assert.deepEqual(tooLong, { kind: "too-large", detail: "too many lines of wanted metrics after 75 lines" });
  assert.equal(createPageParser(vllm)(pageOf(50)).kind, "page");
});

test("rejects a line of more than 64 KiB and reads the others", () => {
  const { signals, rejectedLines } = read(
    waiting(" 3") + adapters(`{running_lora_adapters="${"a,".repeat(40_000)}"} 5`),
  );
  assert.deepEqual([signals.waitingRequests, signals.adapters, rejectedLines], [3, undefined, 1]);
});

test("reads the next page of the same server afresh", () => {
  const parse = createPageParser(vllm);
  const first = parse(Buffer.from(waiting(" 3") + kv(" 0.5")));
  const second = parse(Buffer.from(waiting(" 3") + kv(" 0.75")));
  assert.ok(first.kind === "page" && second.kind === "page");
  assert.deepEqual([second.signals.waitingRequests, second.signals.kvCacheRatio], [3, 0.75]);
});

const labelValue = fc.string({
  unit: fc.constantFrom("a", "é", " ", ",", "}", "{", "=", "#", "\\\\", '\\"', "\\n"),
  maxLength: 8,
});
const cleanPage = fc.record({
  ranks: fc.array(fc.record({ waiting: fc.nat(99), kv: fc.integer({ min: 0, max: 64 }), text: labelValue }), {
    minLength: 1,
    maxLength: 4,
  }),
  other: fc.array(labelValue, { maxLength: 4 }),
});

test("filter and library together equal the library on clean pages", () => {
  fc.assert(
    fc.property(cleanPage, ({ ranks, other }) => {
      const page =
        gauge("vllm:pad", ...other.map((text) => `{x="${text}"} 1`)) +
        waiting(...ranks.map(({ waiting: value, text }, rank) => `{engine="${rank}",x="${text}"} ${value}.0`)) +
        kv(...ranks.map(({ kv: value, text }, rank) => `{engine="${rank}",x="${text}"} ${value / 64}`));
      const families = library(page);
      const values = (name: string): number[] =>
        families
          .filter((family) => family.name === name)
          .flatMap(({ metrics }) => metrics.map(({ value }) => Number(value)));
      const sum = (numbers: number[]): number => numbers.reduce((total, value) => total + value, 0);
      const { signals, rejectedLines } = read(page);
      assert.equal(signals.waitingRequests, sum(values("vllm:num_requests_waiting")));
      assert.equal(signals.kvCacheRatio, sum(values("vllm:kv_cache_usage_perc")) / ranks.length);
      assert.equal(rejectedLines, 0);
    }),
    { numRuns: 300 },
  );
});

const garbageLine = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(
    "{",
    "}",
    "# TYPE",
    "# HELP vllm:num_requests_waiting",
    "# TYPE vllm:num_requests_waiting gauge",
    '"',
    "a{x=1} 2",
  ),
  fc
    .constantFrom("vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "vllm:lora_requests_info")
    .chain((name) =>
      fc
        .constantFrom('{engine="0', '{engine="0"} 1 2 x', "{x=1} 2", '{a="b"} 5 soon', "{", "_sum 3")
        .map((tail) => name + tail),
    ),
);

test("F03 garbage between the lines never throws and costs no good value", () => {
  fc.assert(
    fc.property(
      fc.array(garbageLine, { maxLength: 12 }),
      fc.array(fc.nat(40), { maxLength: 12 }),
      (garbage, places) => {
        const lines = (waiting('{engine="0"} 3') + running(" 2") + kv(" 0.5")).trimEnd().split("\n");
        garbage.forEach((line, i) =>
          lines.splice((places[i] ?? 0) % (lines.length + 1), 0, line.replaceAll(/[\r\n]/g, "")),
        );
        const { signals } = read(`${lines.join("\n")}\n`);
        assert.deepEqual([signals.waitingRequests, signals.runningRequests, signals.kvCacheRatio], [3, 2, 0.5]);
      },
    ),
    { numRuns: 500 },
  );
});

test("F03 random bytes never throw", () => {
  const parse = createPageParser(vllm);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void parse(Buffer.from(bytes))));
});

const printedTime = fc
  .tuple(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0, 1, 2, 3))
  .map(([value, format]) =>
    format === 0
      ? `${value}`
      : format === 1
        ? `${value / 64}`
        : format === 2
          ? `${value}.`
          : (value / 64).toExponential(),
  );

test("F5 the newest adapters are those of the first greatest value, however it is printed", () => {
  fc.assert(
    fc.property(fc.array(printedTime, { minLength: 1, maxLength: 8 }), (times) => {
      const numbers = times.map(Number);
      const first = numbers.indexOf(Math.max(...numbers));
      const page = adapters(...times.map((time, i) => `{running_lora_adapters="a${i}"} ${time}`));
      assert.deepEqual(read(page).signals.adapters?.running, new Set([`a${first}`]));
    }),
  );
});
