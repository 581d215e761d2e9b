import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDocument } from "../../../simulator/experiment/document.ts";
import type { ExperimentPlan, LoadSpec } from "../../../simulator/experiment/plan.ts";
import type { SimulatePolicy } from "../../../simulator/experiment/run-job.ts";
import type { GateResult } from "../../../simulator/gate/gate.ts";
import { pairVerdicts } from "../../../simulator/report/verdicts.ts";
import { aSimulationRun } from "../../support/a-simulation-run.ts";
import { aGrid, anExperiment, handMadeRun } from "../../support/an-experiment.ts";

const metricsLoad: LoadSpec = { kind: "metrics", source: "m", rawTimes: false, scaleBy: "time-warp", openLoop: false };

test("the document has the fields of the contract, in their order", () => {
  const document = JSON.parse(formatDocument(anExperiment())) as Record<string, unknown>;
  assert.deepEqual(Object.keys(document).slice(0, 7), [
    "trace",
    "requests",
    "replicas",
    "preset",
    "seeds",
    "policies",
    "paired",
  ]);
  assert.deepEqual(
    [document["trace"], document["requests"], document["replicas"], document["preset"], document["seeds"]],
    ["a-trace.jsonl", 400, 2, "llama-3-8b-h100", 5],
  );
  const [policy] = document["policies"] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(policy ?? {}).slice(0, 10), [
    "name",
    "ttftMs",
    "itlMs",
    "e2eMs",
    "goodput",
    "outputTokensPerSecond",
    "prefixHitRatio",
    "preemptions",
    "decisions",
    "refused",
  ]);
  for (const latency of ["ttftMs", "itlMs", "e2eMs"]) {
    assert.deepEqual(Object.keys(policy?.[latency] as object).slice(0, 4), ["mean", "p50", "p90", "p99"]);
  }
  const [pair] = document["paired"] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(pair ?? {}).slice(0, 6), ["a", "b", "metric", "difference", "low", "high"]);
});

test("a difference is that of the means, of a later policy to an earlier one, and within its interval", () => {
  const [cell] = anExperiment().cells;
  assert.ok(cell);
  const pairs = new Set(cell.paired.map(({ a, b }) => `${a} - ${b}`));
  assert.deepEqual([...pairs], ["go-default - round-robin", "default - round-robin", "default - go-default"]);
  for (const { a, b, metric, difference, low, high } of cell.paired.filter(({ metric }) => metric === "ttftMs.p99")) {
    const p99 = (name: string): number => cell.policies.find((policy) => policy.name === name)?.ttftMs.p99 ?? 0;
    assert.ok(Math.abs(difference - (p99(a) - p99(b))) < 1e-9, metric);
    assert.ok(low !== null && high !== null && low < difference && difference < high && high < 0);
  }
});

test("verdicts name the better policy, and say so of nothing that one seed shows", () => {
  const of = (seeds: number): string[] =>
    pairVerdicts(anExperiment({ seeds }).cells[0]?.paired ?? []).map(({ verdict }) => verdict);
  assert.deepEqual(of(5), ["better", "better", "better"]);
  assert.deepEqual(of(1), ["undecided", "undecided", "undecided"]);
  const { paired } = anExperiment({ seeds: 1 }).cells[0] ?? { paired: [] };
  assert.ok(paired.every(({ low, high, because }) => low === null && high === null && because === "seeds"));
});

const reconstructed: Partial<ExperimentPlan> = { seeds: 2, reconstructions: 20 };

test("a reconstructed load varies over reconstructions and over seeds, told apart, and intervals are over the former", () => {
  // Each load has its own TTFT, from 100 ms on; the second seed of it adds 1 ms.
  const byLoad: SimulatePolicy = ({ seed, loadSeed = 0 }, policy) => {
    const ttftMs = 100 + 10 * loadSeed + ((seed - 1) % 2) + 50 * policy;
    return aSimulationRun(Array.from({ length: 20 }, (_, i) => ({ arrivalMs: i * 100, ttftMs, e2eMs: ttftMs + 300 })));
  };
  const experiment = anExperiment({ ...reconstructed, policies: [{ name: "a" }, { name: "b" }] }, byLoad);
  const [a, b] = experiment.cells[0]?.policies ?? [];
  const spread = a?.spreads?.["ttftMs.mean"];
  assert.ok(spread !== undefined && b !== undefined);
  const { deviation, low, high } = spread.overReconstructions;
  assert.deepEqual([low, high], [110.5, 300.5]);
  assert.ok(Math.abs(deviation - Math.sqrt(3500 - 0.25)) < 1e-9, `${deviation}`);
  assert.ok(Math.abs((spread.overSeeds?.deviation ?? 0) - Math.SQRT1_2) < 1e-9);
  assert.deepEqual([a?.bySeed["ttftMs.mean"]?.length, a?.bySeed["ttftMs.mean"]?.slice(0, 3)], [40, [110, 111, 120]]);
  const half = 2.093024 * Math.sqrt(3500 / 20);
  assert.ok(Math.abs((a?.intervals["ttftMs.mean"]?.[0] ?? 0) - (205.5 - half)) < 1e-4);
  const pair = experiment.cells[0]?.paired.find(({ metric }) => metric === "ttftMs.mean");
  assert.deepEqual([pair?.difference, pair?.spread?.overReconstructions.deviation], [50, 0]);
  assert.deepEqual(
    (
      JSON.parse(formatDocument({ ...experiment, plan: { ...experiment.plan, load: metricsLoad } })) as {
        reconstruction: object;
      }
    ).reconstruction,
    { source: "metrics", draws: 20, seedsEach: 2 },
  );
});

test("with one seed of each reconstruction the spread over seeds is not known", () => {
  const [policy] = anExperiment({ ...reconstructed, seeds: 1 }).cells[0]?.policies ?? [];
  assert.equal(policy?.spreads?.["goodput"]?.overSeeds, null);
  assert.notEqual(policy?.intervals["goodput"], null);
});

test("policies that differ by chance alone are undecided", () => {
  const byChance: SimulatePolicy = ({ seed }, policy) =>
    aSimulationRun(
      Array.from({ length: 100 }, (_, i) => {
        const ttftMs = 100 + ((seed * 7919 + policy * 104_729 + i * 31) % 97);
        return { arrivalMs: i * 100, ttftMs, e2eMs: ttftMs + 300 + ((seed * 31 + policy * 17) % 13) };
      }),
    );
  const { paired } = anExperiment({ policies: [{ name: "a" }, { name: "b" }] }, byChance).cells[0] ?? { paired: [] };
  assert.equal(paired.find(({ metric }) => metric === "ttftMs.p99")?.because, "interval");
  assert.match(pairVerdicts(paired)[0]?.text ?? "", /undecided: the interval holds zero/);
});

test("a difference under 1 % makes no winner, however sure it is", () => {
  const nearly: SimulatePolicy = ({ seed }, policy) =>
    aSimulationRun(
      Array.from({ length: 50 }, (_, i) => {
        const ttftMs = (100 + ((i * 37 + seed) % 50)) * (policy === 0 ? 1 : 0.995);
        return { arrivalMs: i * 100, ttftMs, e2eMs: ttftMs + 300 };
      }),
    );
  const { paired } = anExperiment({ policies: [{ name: "a" }, { name: "b" }] }, nearly).cells[0] ?? { paired: [] };
  assert.match(pairVerdicts(paired)[0]?.text ?? "", /^b equals a within 1 %: TTFT p99 -0\.5 % .*; goodput equal$/);
});

const aGate: GateResult = {
  policy: "p",
  rows: [],
  passes: true,
  errors: { ttftMs: 0.9, itlMs: null, e2eMs: 0, greatest: 0.9 },
  overTime: {
    sliceMs: 1,
    recorded: { running: [], waiting: [], kvCacheRatio: [] },
    simulated: { running: [], waiting: [], kvCacheRatio: [] },
  },
  notes: [],
};

test("a difference below the error of the gate is undecided, unless the gate is ignored", () => {
  const because = (gate: GateResult, metric: string): unknown =>
    anExperiment({ gate }).cells[0]?.paired.find(
      (one) => one.a === "default" && one.b === "round-robin" && one.metric === metric,
    )?.because;
  assert.deepEqual([because(aGate, "ttftMs.p99"), because(aGate, "e2eMs.mean")], ["gate", null]);
  assert.equal(because({ ...aGate, isIgnored: true }, "ttftMs.p99"), null);
  const { paired } = anExperiment({ gate: aGate }).cells[0] ?? { paired: [] };
  assert.match(pairVerdicts(paired)[0]?.text ?? "", /undecided: the gate's error is greater/);
});

test("an order that varied coefficients turn round is undecided", () => {
  const turned: SimulatePolicy = (job, policy) =>
    handMadeRun(job, (job.variation?.factors.cP ?? 1) > 1 ? 2 - policy : policy);
  const { paired, tornado } = anExperiment({ draws: 10 }, turned).cells[0] ?? { paired: [], tornado: [] };
  const p99 = paired.find(({ a, b, metric }) => a === "default" && b === "round-robin" && metric === "ttftMs.p99");
  assert.deepEqual([p99?.verdict, p99?.because], ["undecided", "coefficients"]);
  assert.ok(p99?.kept !== null && p99?.kept !== undefined && p99.kept < 0.9);
  const bars = tornado.filter(({ a, b }) => a === "default" && b === "round-robin");
  assert.deepEqual(
    bars.map(({ factor }) => factor),
    ["c0", "cK", "cP", "KV", "T"],
  );
  assert.ok(bars.every(({ factor, low, high }) => (factor === "cP" ? low < 0 && high > 0 : low === high)));
});

test("an order that all coefficients keep stands", () => {
  const { paired } = anExperiment({ draws: 10 }).cells[0] ?? { paired: [] };
  assert.ok(
    paired
      .filter(({ metric }) => metric === "ttftMs.p99")
      .every(({ kept, verdict }) => kept === 1 && verdict === "better"),
  );
});

test("a sweep has its policies and pairs by condition", () => {
  const document = JSON.parse(formatDocument(anExperiment({ cells: aGrid }))) as { cells: Record<string, unknown>[] };
  assert.deepEqual(
    document.cells.map(({ rateScale, replicas, scrapeMs }) => ({ rateScale, replicas, scrapeMs })),
    aGrid,
  );
});

test("with many policies each is compared with the first alone", () => {
  const policies = Array.from({ length: 8 }, (_, i) => ({ name: `p${i}` }));
  const { paired } = anExperiment({ policies, seeds: 2 }).cells[0] ?? { paired: [] };
  assert.deepEqual([...new Set(paired.map(({ b }) => b))], ["p0"]);
  assert.equal(new Set(paired.map(({ a }) => a)).size, 7);
});

test("the warm-up is that of the policy that needs the longest, for all", () => {
  const cut: SimulatePolicy = (job, policy) => {
    const run = handMadeRun(job, policy);
    if (policy !== 1) return run;
    const running = run.series.running.map((value, i) => (i < 20 ? 0 : value));
    return { ...run, series: { ...run.series, running } };
  };
  const cold = anExperiment({ isCold: true }, cut).cells[0];
  const warm = anExperiment({}, cut).cells[0];
  assert.deepEqual([cold?.warmUp.cutMs, cold?.counted], [0, 400]);
  assert.ok((warm?.warmUp.cutMs ?? 0) >= 10_000 && (warm?.counted ?? 400) <= 300, JSON.stringify(warm?.warmUp));
});
