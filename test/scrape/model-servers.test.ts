import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInModelServers, type ModelServerMetrics, vllm } from "../../src/scrape/model-servers.ts";
import { createPageParser, type PageReading } from "../../src/scrape/parse.ts";
import { enginePages } from "../support/engine-pages.ts";

function read(metrics: ModelServerMetrics, page: string): PageReading {
  const reading = createPageParser(metrics)(Buffer.from(page));
  assert.equal(reading.kind, "page");
  return reading as PageReading;
}

const load = { waiting: 3, running: 7, kvCacheRatio: 0.25, blockSize: 32, blocks: 4096 };

for (const metrics of builtInModelServers) {
  test(`F7 reads a page of ${metrics.engine}`, () => {
    const { signals, missing, rejectedLines } = read(metrics, enginePages[metrics.engine]!(load));
    const isTriton = metrics.engine === "triton";
    assert.deepEqual(signals, {
      waitingRequests: 3,
      runningRequests: 7,
      ...(isTriton
        ? { runningIsTotal: true, absent: ["kvCacheRatio"] }
        : { kvCacheRatio: 0.25, cacheInfo: { blockSizeTokens: 32, blocks: 4096 } }),
      ...(metrics.adapters === undefined ? {} : { adapters: undefined }),
    });
    assert.deepEqual([missing, rejectedLines], [[], 0]);
  });

  test(`F15 a page of something else lacks every signal of ${metrics.engine}`, () => {
    const { missing } = read(metrics, "# TYPE up gauge\nup 1\n");
    const want = ["waitingRequests", "runningRequests"];
    if (metrics.engine !== "triton") want.push("kvCacheRatio", "cacheInfo");
    assert.deepEqual(missing, want);
  });
}

test("the running total of triton may be large", () => {
  const triton = builtInModelServers.find(({ engine }) => engine === "triton")!;
  const page = (value: string): string => `# TYPE nv_inference_exec_count counter\nnv_inference_exec_count ${value}\n`;
  assert.equal(read(triton, page("9e12")).signals.runningRequests, 9e12);
  assert.equal(read(triton, page("1e300")).signals.runningRequests, null);
});

const sizes: ModelServerMetrics = { ...vllm, cacheBlockSize: "size", cacheBlocks: "blocks" };
const info = 'vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1\n';
const caches: readonly { name: string; page: string; want: unknown }[] = [
  { name: "values count before labels", page: `${info}size 32\nblocks 7\n`, want: { blockSizeTokens: 32, blocks: 7 } },
  {
    name: "a label fills in for a value that is missing",
    page: `${info}size 32\n`,
    want: { blockSizeTokens: 32, blocks: 100 },
  },
  { name: "values alone are enough", page: "size 32\nblocks 7\n", want: { blockSizeTokens: 32, blocks: 7 } },
  {
    name: "blocks of ranks are summed",
    page: 'size 32\nblocks{engine="0"} 7\nblocks{engine="1"} 8\n',
    want: { blockSizeTokens: 32, blocks: 15 },
  },
  {
    name: "T22 values out of range are unknown",
    page: "size 1e9\nblocks 2147483648\n",
    want: { blockSizeTokens: undefined, blocks: undefined },
  },
  {
    name: "T22 no number is unknown",
    page: "size NaN\nblocks -1\n",
    want: { blockSizeTokens: undefined, blocks: undefined },
  },
  { name: "an unusable type is unknown", page: "# TYPE size histogram\nsize 1\n", want: null },
  { name: "nothing is missing", page: "up 1\n", want: undefined },
];
for (const { name, page, want } of caches) {
  test(`F7 sizes of the cache: ${name}`, () => assert.deepEqual(read(sizes, page).signals.cacheInfo, want));
}

test("KV use of ranks is weighted by blocks that are values", () => {
  const page = `${info}blocks{engine="0"} 100\nblocks{engine="1"} 300\nvllm:kv_cache_usage_perc{engine="0"} 0.2\nvllm:kv_cache_usage_perc{engine="1"} 0.6\n`;
  assert.equal(read(sizes, page).signals.kvCacheRatio, 0.5);
});
