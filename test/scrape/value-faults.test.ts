import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointSpec } from "../../src/datastore/endpoint.ts";
import { EndpointStore } from "../../src/datastore/store.ts";
import { createRandom } from "../../src/lib/random.ts";
import { schedule } from "../../src/scheduling/schedule.ts";
import { vllm } from "../../src/scrape/model-servers.ts";
import { createPageParser } from "../../src/scrape/parse.ts";
import { aPlan, traceOf } from "../support/a-plan.ts";
import { aRequest } from "../support/a-request.ts";
import { spec } from "../support/scrape-rig.ts";

const plan = aPlan(`plugins:
  - type: queue-scorer
  - type: running-requests-size-scorer
  - type: kv-cache-utilization-scorer
  - type: lora-affinity-scorer
  - type: prefix-cache-scorer
`);

const bad = ["NaN", "+Inf", "-Inf", "-1", "1e308", "1e999", "0x10", "", "many", "-0.5", "1.5e9", "2147483648000"];
/** What a page may say for a number, sensible or not. */
const value = fc.oneof(
  fc.constantFrom(...bad),
  fc.integer({ min: -5, max: 50 }).map(String),
  fc.double().map(String),
  fc.string({ unit: "binary-ascii", maxLength: 5 }).map((text) => text.replaceAll(/[\r\n]/g, "")),
);
const page = fc.record({ waiting: value, running: value, kv: value, blocks: value, time: value });

function render({
  waiting,
  running,
  kv,
  blocks,
  time,
}: Record<"waiting" | "running" | "kv" | "blocks" | "time", string>): Buffer {
  const label = blocks.replaceAll(/["\\]/g, "");
  return Buffer.from(
    `up 1\nvllm:num_requests_waiting ${waiting}\nvllm:num_requests_running ${running}\nvllm:kv_cache_usage_perc ${kv}\n` +
      `vllm:cache_config_info{block_size="${label}",num_gpu_blocks="${label}"} 1\n` +
      `vllm:lora_requests_info{max_lora="${label}",running_lora_adapters="a"} ${time}\n`,
  );
}

function storeOf(pages: readonly Buffer[]): EndpointStore {
  const store = new EndpointStore();
  const specs: EndpointSpec[] = pages.map((_, i) => spec(`e${i}`, 8000 + i));
  store.reset(specs);
  pages.forEach((bytes, i) => {
    const reading = createPageParser(vllm)(bytes);
    assert.equal(reading.kind, "page");
    if (reading.kind !== "page") return;
    store.putSample(specs[i]!.id, specs[i]!.incarnation, { ...reading.signals, sampledAtMs: 1 });
  });
  return store;
}

const within = (number: number | undefined, min: number, max: number): boolean =>
  number === undefined || (number >= min && number <= max);

test("T22 F07 whatever numbers a page holds, a signal is in its range or unknown", () => {
  fc.assert(
    fc.property(page, (numbers) => {
      const [endpoint] = storeOf([render(numbers)]).snapshot();
      const { waitingRequests, runningRequests, kvCacheRatio, cacheInfo, adapters } = endpoint!.signals;
      for (const { value: count } of [waitingRequests, runningRequests]) {
        assert.ok(within(count, 0, 10_000_000) && Number.isInteger(count ?? 0));
      }
      assert.ok(within(kvCacheRatio.value, 0, 1));
      assert.ok(within(cacheInfo.value?.blockSizeTokens, 1, 65_536) && within(cacheInfo.value?.blocks, 1, 100_000_000));
      assert.ok(within(adapters.value?.maxAdapters, 0, 100_000));
    }),
    { numRuns: 500 },
  );
});

test("F07 whatever numbers pages hold, every score and total is finite and someone is picked", () => {
  fc.assert(
    fc.property(fc.array(page, { minLength: 1, maxLength: 5 }), fc.nat(), (pages, seed) => {
      const endpoints = storeOf(pages.map(render)).snapshot();
      const decision = schedule(aRequest(), endpoints, { nowMs: 2, random: createRandom(seed), plan });
      assert.equal(decision.kind, "picked");
      const { ratings, totals } = traceOf(decision);
      for (let i = 0; i < endpoints.length; i++) {
        assert.ok(Number.isFinite(totals[i]));
        for (const { score } of ratings.slice(0, plan.profiles[0]?.scorers.length)) {
          assert.ok((score[i] ?? -1) >= 0 && (score[i] ?? 2) <= 1);
        }
      }
    }),
    { numRuns: 300 },
  );
});

for (const text of bad) {
  test(`F07 an endpoint that reports "${text}" is rated between the others, so it neither wins nor loses by it`, () => {
    const rated = (waiting: string, kv: string): Buffer =>
      render({ waiting, running: "1", kv, blocks: "16", time: "1" });
    const endpoints = storeOf([rated("0", "0.1"), rated(text, text), rated("10", "0.9")]).snapshot();
    const twoScorers = aPlan("plugins: [{type: queue-scorer}, {type: kv-cache-utilization-scorer}]");
    const decision = schedule(aRequest(), endpoints, { nowMs: 2, random: createRandom(1), plan: twoScorers });
    const [best = 0, unknown = 0, worst = 0] = traceOf(decision).totals;
    assert.ok(best > unknown && unknown > worst, `${best}, ${unknown}, ${worst}`);
    assert.deepEqual(traceOf(decision).picked, [0]);
  });
}
