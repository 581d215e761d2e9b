import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../src/lib/random.ts";
import type { RequestTable } from "../../../simulator/engine/request-table.ts";
import { drawArrivals } from "../../../simulator/generators/arrivals.ts";
import { createSampler, drawGamma } from "../../../simulator/generators/distributions.ts";
import { generateLoad, type LoadSpec } from "../../../simulator/generators/load-spec.ts";
import { loadNames, namedLoads } from "../../../simulator/generators/named-loads.ts";
import { generateSessions, type Sessions } from "../../../simulator/generators/sessions.ts";
import { generateSharedPrefixes } from "../../../simulator/generators/shared-prefixes.ts";
import { describeTrace } from "../../../simulator/traces/describe-trace.ts";

const blocksOf = ({ blocks, blockStart }: RequestTable, row: number): number[] => [
  ...blocks.subarray(blockStart[row], blockStart[row + 1]),
];

for (const name of loadNames) {
  test(`load "${name}": a legal table, the same for the same seed, another for another`, () => {
    const { spec } = namedLoads[name];
    const load = generateLoad(spec, 7, { requests: 400 });
    assert.equal(load.count, 400);
    assert.deepEqual(generateLoad(spec, 7, { requests: 400 }), load);
    // In the load of reasoning nothing is left to chance.
    if (name !== "reasoning") assert.notDeepEqual(generateLoad(spec, 8, { requests: 400 }), load);
    for (let row = 0; row < load.count; row++) {
      assert.ok(row === 0 || load.arrivalMs[row]! >= load.arrivalMs[row - 1]!);
      assert.ok(load.promptTokens[row]! >= 1 && load.outputTokens[row]! >= 1);
      assert.ok(load.afterRow[row]! < row);
      const most = Math.floor((load.promptTokens[row]! + load.outputTokens[row]!) / load.blockTokens);
      assert.ok(blocksOf(load, row).length <= most);
    }
    assert.ok(load.blocks.every((id) => id >= 1));
  });
}

test("a scale changes when requests come, not what they are", () => {
  const { spec } = namedLoads["azure-conv-like"];
  const [once, twice] = [generateLoad(spec, 1), generateLoad(spec, 1, { scale: 2 })];
  assert.deepEqual([twice.promptTokens, twice.outputTokens], [once.promptTokens, once.outputTokens]);
  assert.ok(twice.arrivalMs.every((atMs, row) => Math.abs(atMs * 2 - once.arrivalMs[row]!) < 1e-6));
  const users = { ...(namedLoads.reasoning.spec as LoadSpec & { kind: "sessions" }), requests: 300 };
  const starters = (load: RequestTable): number => load.afterRow.filter((row) => row === -1).length;
  assert.deepEqual([starters(generateLoad(users, 1)), starters(generateLoad(users, 1, { scale: 0.25 }))], [200, 50]);
});

test("loads out of range are refused", () => {
  const { spec } = namedLoads.uniform;
  assert.throws(() => generateLoad(spec, 1, { requests: 0 }), /Cannot generate a load of "0" requests/);
  assert.throws(() => generateLoad(spec, 1, { scale: 0 }), /Cannot scale a load by "0"/);
  assert.throws(() => drawArrivals(1, { ratePerSecond: 1, cv: -1 }, createRandom(1)), /with CV "-1"/);
  assert.throws(() => createSampler({ kind: "log-normal", mean: 10, p99: 9, max: 20 }), /Cannot draw log-normal/);
});

test("arrivals have the rate and CV asked for", () => {
  for (const cv of [0, 0.5, 1, 2, 4]) {
    const times = drawArrivals(50_000, { ratePerSecond: 20, cv }, createRandom(3));
    const gaps = times.map((atMs, i) => (i === 0 ? atMs : atMs - times[i - 1]!));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    assert.ok(Math.abs(mean / 50 - 1) < 0.05, `mean gap ${mean} for CV ${cv}`);
    assert.ok(
      Math.abs(Math.sqrt(variance) / mean - cv) <= 0.06 * cv + 1e-9,
      `CV ${Math.sqrt(variance) / mean} for ${cv}`,
    );
  }
});

test("a burst moves arrivals into its stretch and keeps their number and span", () => {
  const burst = { from: 0.4, to: 0.5, factor: 4 };
  const plain = drawArrivals(20_000, { ratePerSecond: 10 }, createRandom(1));
  const times = drawArrivals(20_000, { ratePerSecond: 10, burst }, createRandom(1));
  const within = times.filter((atMs) => atMs >= 800_000 && atMs < 1_000_000).length;
  assert.ok(Math.abs(within / 20_000 - (0.1 * 4) / 1.3) < 0.01, `${within} within the burst`);
  assert.ok(times.every((atMs, i) => i === 0 || atMs >= times[i - 1]!));
  assert.ok(Math.abs(times.at(-1)! / plain.at(-1)! - 1) < 0.02);
});

test("gamma draws have mean 1 and variance 1 / shape", () => {
  for (const shape of [0.1, 0.5, 1, 3, 20]) {
    const random = createRandom(11);
    const draws = Array.from({ length: 60_000 }, () => drawGamma(random, shape));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    assert.ok(Math.abs(mean - 1) < 0.05, `mean ${mean} for shape ${shape}`);
    assert.ok(Math.abs(variance * shape - 1) < 0.08, `variance ${variance} for shape ${shape}`);
  }
});

test("quantile draws meet their quantiles", () => {
  const sampler = createSampler({ kind: "quantiles", ratios: [0, 0.5, 0.9, 1], values: [10, 20, 100, 1000] });
  const random = createRandom(2);
  const draws = Float64Array.from({ length: 50_000 }, () => sampler(random)).sort();
  const shares = [20, 100].map((value) => draws.filter((draw) => draw <= value).length / draws.length);
  assert.ok(Math.abs(shares[0]! - 0.5) < 0.01 && Math.abs(shares[1]! - 0.9) < 0.01, shares.join(" "));
  assert.ok(draws[0]! >= 10 && draws.at(-1)! <= 1000, `${draws[0]} to ${draws.at(-1)}`);
});

test("A1: 150 groups of 5 questions, each asked once before any is asked again", () => {
  const { spec } = namedLoads["shared-prefixes"];
  const load = generateLoad(spec, 4, { requests: 1500 });
  assert.ok(load.promptTokens.every((tokens) => tokens === 7200));
  const keys = Array.from({ length: 1500 }, (_, row) => blocksOf(load, row));
  assert.equal(new Set(keys.slice(0, 750).map((ids) => ids.at(-1))).size, 750);
  assert.deepEqual(keys.slice(750), keys.slice(0, 750));
  const groups = new Map<number, Set<number>>();
  for (const ids of keys) {
    assert.equal(ids.length, 450);
    const prefix = ids[374]!;
    groups.set(prefix, (groups.get(prefix) ?? new Set()).add(ids[375]!));
  }
  assert.equal(groups.size, 150);
  assert.ok([...groups.values()].every((questions) => questions.size === 5));
});

test("questions that are asked once share their prefix and nothing else; Zipf groups are of unlike popularity", () => {
  const load = generateSharedPrefixes({
    seed: 1,
    requests: 2000,
    ratePerSecond: 10,
    groups: 10,
    questionsPerGroup: 0,
    prefixTokens: 100,
    questionTokens: 60,
    outputTokens: { kind: "fixed", value: 1 },
    popularity: "zipf",
  });
  const asked = new Map<number, number>();
  const ends = new Set<number>();
  for (let row = 0; row < load.count; row++) {
    const ids = blocksOf(load, row);
    assert.equal(ids.length, 10);
    asked.set(ids[5]!, (asked.get(ids[5]!) ?? 0) + 1);
    ends.add(ids[6]!);
  }
  assert.equal(ends.size, 2000);
  const counts = [...asked.values()].sort((a, b) => b - a);
  assert.ok(counts[0]! > 5 * counts[9]!, counts.join(" "));
});

test("A13: 15 adapters with shares of 12, 6 and 2 %", () => {
  const load = generateLoad(namedLoads["multi-lora"].spec, 3, { requests: 20_000 });
  const counts = new Float64Array(15);
  for (const adapter of load.adapter) counts[Number(load.adapters[adapter]!.split("-")[1]) - 1]! += 1 / 20_000;
  for (const [i, share] of counts.entries()) {
    assert.ok(Math.abs(share - [0.12, 0.06, 0.02][Math.floor(i / 5)]!) < 0.008, `adapter-${i + 1}: ${share}`);
  }
});

const tokens = fc.integer({ min: 1, max: 90 }).map((value) => ({ kind: "fixed", value }) as const);
const sessions: fc.Arbitrary<Sessions> = fc.record({
  seed: fc.integer(),
  requests: fc.integer({ min: 1, max: 60 }),
  starts: fc.oneof(
    fc.record({ kind: fc.constant("open" as const), ratePerSecond: fc.constantFrom(0.5, 20) }),
    fc.record({
      kind: fc.constant("users" as const),
      users: fc.integer({ min: 1, max: 9 }),
      rampSeconds: fc.constant(5),
    }),
  ),
  turns: fc.constant({ kind: "uniform", min: 1, max: 6 } as const),
  applications: fc.integer({ min: 0, max: 3 }),
  systemPromptTokens: fc.integer({ min: 0, max: 50 }),
  contextTokens: tokens,
  turnTokens: tokens,
  outputTokens: tokens,
  thinkSeconds: fc.constantFrom({ kind: "fixed", value: 3 } as const, { kind: "fixed", value: 0 } as const),
  maxPromptTokens: fc.constantFrom(120, 10_000),
});

test("each turn begins with the turn before it and its answer, and follows on it after the time to think", () => {
  fc.assert(
    fc.property(sessions, (load) => {
      const table = generateSessions(load);
      assert.equal(table.count, load.requests);
      const lastOf = new Map<number, number>();
      for (let row = 0; row < table.count; row++) {
        const session = table.session[row]!;
        const before = lastOf.get(session);
        lastOf.set(session, row);
        const own = blocksOf(table, row);
        assert.ok(own.length >= Math.floor(table.promptTokens[row]! / 16));
        if (before === undefined) continue;
        const known = table.promptTokens[before]! + table.outputTokens[before]!;
        assert.equal(table.afterRow[row], before);
        assert.equal(table.delayMs[row], (load.thinkSeconds as { value: number }).value * 1000);
        assert.ok(table.promptTokens[row]! > known);
        assert.ok(known < load.maxPromptTokens);
        assert.deepEqual(own.slice(0, Math.floor(known / 16)), blocksOf(table, before));
      }
    }),
    { numRuns: 60 },
  );
});

test("users never have two requests at once", () => {
  const load = generateLoad(namedLoads["code-gen"].spec, 5);
  const followed = load.afterRow.filter((row) => row !== -1);
  assert.equal(new Set(followed).size, followed.length);
  assert.equal(load.count - followed.length, 60);
  assert.ok(describeTrace(load).promptTokens.mean > 55_000);
});
