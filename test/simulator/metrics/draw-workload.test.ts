import assert from "node:assert/strict";
import { test } from "node:test";
import { drawWorkload } from "../../../simulator/metrics/draw-workload.ts";
import type { EndpointSeries } from "../../../simulator/metrics/recorded-metrics.ts";
import { presetConfig } from "../../../simulator/replica/presets.ts";
import { describeTrace } from "../../../simulator/traces/describe-trace.ts";
import { recordReplica } from "./a-recorded-replica.ts";

const config = presetConfig("llama-3-8b-a100");
const load = { seconds: 200, sampleMs: 5000, ratePerSecond: 6 };
const first = { ...recordReplica(config, { ...load, seed: 1 }), endpoint: "a" };
const second = { ...recordReplica(config, { ...load, seed: 2 }), endpoint: "b" };
const pool: readonly EndpointSeries[] = [first, second];

/** Requests that came to an endpoint up to each instant, by its own totals. */
const came = ({ counters, gauges }: EndpointSeries): Float64Array =>
  counters.finishedRequests.map((finished, at) => finished + gauges.running[at]! + gauges.waiting[at]!);

test("as many requests come in each interval as the totals say", () => {
  const table = drawWorkload(pool, 3);
  const wanted = came(first).map((count, at) => count + came(second)[at]!);
  for (const [at, toMs] of first.timesMs.entries()) {
    if (at === 0) continue;
    const fromMs = first.timesMs[at - 1]!;
    const drawn = table.arrivalMs.filter((atMs) => atMs >= fromMs && atMs < toMs).length;
    assert.equal(drawn, wanted[at]! - wanted[at - 1]!);
  }
});

test("tokens sum to the means of the record, and seeds differ in all that is not known", () => {
  const sum = (read: (series: EndpointSeries) => Float64Array): number =>
    pool.reduce((all, series) => all + read(series).at(-1)!, 0);
  const finished = sum(({ counters }) => counters.finishedRequests);
  const tables = [1, 2, 3].map((seed) => drawWorkload(pool, seed));
  for (const table of tables) {
    const { promptTokens, outputTokens } = describeTrace(table);
    const [prompt, output] = [
      sum(({ counters }) => counters.promptTokens),
      sum(({ counters }) => counters.generationTokens),
    ];
    assert.ok(Math.abs(promptTokens.mean / (prompt / finished) - 1) < 0.01, `prompt mean ${promptTokens.mean}`);
    assert.ok(Math.abs(outputTokens.mean / (output / finished) - 1) < 0.01, `output mean ${outputTokens.mean}`);
  }
  assert.deepEqual(drawWorkload(pool, 1), tables[0]);
  assert.notDeepEqual(tables[1]!.promptTokens, tables[0]!.promptTokens);
  assert.notDeepEqual(tables[1]!.arrivalMs, tables[0]!.arrivalMs);
});

/** The record with totals that end at these values. */
function withTotals(series: EndpointSeries, ends: Readonly<Record<string, number>>): EndpointSeries {
  const last = series.timesMs.length - 1;
  const ramps = Object.entries(ends).map(
    ([name, end]) => [name, series.timesMs.map((_, at) => (end * at) / last)] as const,
  );
  return { ...series, counters: { ...series.counters, ...Object.fromEntries(ramps) } };
}

test("a cache without a limit has the recorded hit ratio", () => {
  for (const ratio of [0, 0.2, 0.5, 0.8]) {
    const totals = { prefixQueryTokens: 1e6, prefixHitTokens: ratio * 1e6 };
    const table = drawWorkload(
      pool.map((series) => withTotals(series, totals)),
      5,
    );
    const found = describeTrace(table).prefixHitRatio;
    assert.ok(Math.abs(found - ratio) < 0.03, `hit ratio ${found}, recorded ${ratio}`);
  }
});

test("lengths have the shape of their histogram", () => {
  const step = (end: number): Float64Array => first.timesMs.map((_, at) => (at === 0 ? 0 : end));
  const bounds = [10, 100, 1000, Number.POSITIVE_INFINITY];
  const generationLength = {
    bounds,
    buckets: [0, 80, 100, 100].map(step),
    sum: step(80 * 55 + 20 * 550),
    count: step(100),
  };
  const series = { ...first, histograms: { ...first.histograms, generationLength } };
  const { outputTokens, count } = drawWorkload([series], 1);
  const share = outputTokens.filter((tokens) => tokens <= 100).length / count;
  assert.ok(Math.abs(share - 0.8) < 0.05, `${share} up to 100 tokens`);
  assert.ok(Math.abs(describeTrace(drawWorkload([series], 1)).outputTokens.mean - 154) < 1.5, "mean of the histogram");
});

test("empty buckets above the longest answer make no answer longer", () => {
  const step = (end: number): Float64Array => first.timesMs.map((_, at) => (at === 0 ? 0 : end));
  const generationLength = {
    bounds: [100, 200, 10_000, Number.POSITIVE_INFINITY],
    buckets: [0, 100, 100, 100].map(step),
    sum: step(100 * 150),
    count: step(100),
  };
  const series = { ...first, histograms: { ...first.histograms, generationLength } };
  const { outputTokens } = drawWorkload([series], 1);
  assert.ok(Math.max(...outputTokens) <= 210 && Math.min(...outputTokens) >= 90, `${Math.max(...outputTokens)}`);
});

test("adapters are asked for as often as they were shown", () => {
  const adapters = first.adapters.map((_, at) => (at % 4 === 0 ? [] : at % 4 === 1 ? ["a", "b"] : ["a"]));
  const { adapter, adapters: names, count } = drawWorkload([{ ...first, adapters }], 1);
  const share = (name: string | undefined): number => adapter.filter((index) => names[index] === name).length / count;
  for (const [name, wanted] of [
    ["a", 0.625],
    ["b", 0.125],
    [undefined, 0.25],
  ] as const) {
    assert.ok(Math.abs(share(name) - wanted) < 0.06, `${name}: ${share(name)}`);
  }
});

test("a record without requests or lengths is refused", () => {
  const idle = withTotals(first, { finishedRequests: 0 });
  const still = {
    ...idle,
    gauges: { ...idle.gauges, running: idle.timesMs.map(() => 0), waiting: idle.timesMs.map(() => 0) },
  };
  assert.throws(() => drawWorkload([still], 1), /Cannot draw a load: the metrics of 1 endpoints show 0\.0 requests/);
  assert.throws(() => drawWorkload([withTotals(first, { promptTokens: 0 })], 1), /do not show prompt tokens/);
});
