import { presetConfig } from "../replica/presets.ts";
import { scenario } from "../scenarios/registry.ts";
import { replicaConfigs } from "../scenarios/scenario.ts";
import type { Anchor, FigureReader } from "./anchor.ts";
import { ofRun, successPercent } from "./anchor-figures.ts";
import { oneStage } from "./anchor-loads.ts";
import { builtIn, singleScorer } from "./anchor-policies.ts";

const hotPrefix = scenario("hot-prefix");

/** A6: prefixes without load overrun the server of the hottest one. */
export const hotSpot: Anchor = {
  ids: ["A6"],
  title: "routing by prefix alone collapses on a hot prefix",
  source: "llm-d, inference scheduling (2025-09); its load and what counted as success are not known to us",
  setup:
    "Scenario `hot-prefix` (8 replicas of `qwen3-32b-h100-tp2`, 40 prefixes by Zipf's law, 3000 requests at 20/s), clients who wait 60 s for their answer. " +
    "Success: the answer was whole by then.",
  replicas: replicaConfigs(hotPrefix.pool),
  loads: (seed, scale) => [oneStage(hotPrefix.load, seed, scale)],
  timeoutMs: 60_000,
  arms: [
    { name: "prefix-only", policy: singleScorer("prefix-only", "prefix-cache-scorer", false) },
    { name: "go-default", policy: builtIn("go-default") },
    { name: "default", policy: builtIn("default") },
    { name: "round-robin", policy: builtIn("round-robin") },
  ],
  figures: [
    {
      label: "success, %",
      digits: 0,
      read: ofRun(0, successPercent),
      published: { "prefix-only": 55, "go-default": 100 },
    },
    {
      label: "time between tokens, ms",
      digits: 0,
      read: ofRun(0, ({ summary }) => summary.tpotMs.mean),
      published: { "prefix-only": 160, "go-default": 30 },
    },
    {
      label: "busiest replica over the mean",
      digits: 2,
      read: ofRun(0, ({ summary }) => summary.maxOverMean),
      published: {},
    },
  ],
  order: { label: "success, %", published: { "prefix-only": 55, "go-default": 100 } },
  claims: [
    {
      text: "of prefix alone more than 10 % of the requests fail",
      holds: (of) => of("success, %", "prefix-only") < 90,
    },
    {
      text: "with load beside it at least 99 % succeed (go-default)",
      holds: (of) => of("success, %", "go-default") >= 99,
    },
    {
      text: "the same with signals corrected between scrapes (default)",
      holds: (of) => of("success, %", "default") >= 99,
    },
    {
      text: "with load beside it less time passes between tokens",
      holds: (of) => of("time between tokens, ms", "go-default") < of("time between tokens, ms", "prefix-only"),
    },
  ],
};

const freshMs = 1;
const periods = [freshMs, 10, 100, 500, 1000, 5000];
const [raw, corrected] = [
  singleScorer("kv-raw", "kv-cache-utilization-scorer", false),
  singleScorer("kv-corrected", "kv-cache-utilization-scorer", true),
];
const armName = (kind: "raw" | "corrected", ms: number): string => `${kind}, ${ms} ms`;

/** A11: what age of samples costs, and what corrections give back. */
export const staleness: Anchor = {
  ids: ["A11"],
  title: "a scorer of old KV utilisation herds, and corrections for own requests end it",
  source:
    "BLIS, experiment H29: TTFT p99 +14 % with snapshots every 10 ms and +354 % every 100 ms, about 99 % less with a composite",
  setup:
    "4 replicas of `llama-3-8b-h100`, 2000 requests at 80/s, 512 tokens in and 128 out, nothing shared; `kv-cache-utilization-scorer` alone, samples every " +
    `${periods.join(", ")} ms; "raw" acts on samples as they are, "corrected" adds what this picker sent since. ` +
    "Fresh is every 1 ms.",
  replicas: Array.from({ length: 4 }, () => presetConfig("llama-3-8b-h100")),
  loads: (seed, scale) => [
    oneStage(
      {
        kind: "single-requests",
        requests: 2000,
        ratePerSecond: 80,
        promptTokens: { kind: "fixed", value: 512 },
        outputTokens: { kind: "fixed", value: 128 },
      },
      seed,
      scale,
    ),
  ],
  arms: [
    ...periods.map((scrapeMs) => ({ name: armName("raw", scrapeMs), policy: raw, information: { scrapeMs } })),
    ...periods.map((scrapeMs) => ({
      name: armName("corrected", scrapeMs),
      policy: corrected,
      information: { scrapeMs },
    })),
  ],
  figures: [
    { label: "TTFT p99, ms", digits: 0, read: ofRun(0, ({ summary }) => summary.ttftMs.p99), published: {} },
    { label: "TTFT mean, ms", digits: 0, read: ofRun(0, ({ summary }) => summary.ttftMs.mean), published: {} },
    { label: "E2E p99, ms", digits: 0, read: ofRun(0, ({ summary }) => summary.e2eMs.p99), published: {} },
    {
      label: "TTFT p99 over fresh, %",
      digits: 0,
      read: ofRun(0, ({ summary }) => summary.ttftMs.p99),
      over: armName("raw", freshMs),
      published: { [armName("raw", 10)]: 14, [armName("raw", 100)]: 354 },
    },
  ],
  order: {
    label: "TTFT p99, ms",
    published: { [armName("raw", freshMs)]: 100, [armName("raw", 10)]: 114, [armName("raw", 100)]: 454 },
  },
  claims: [
    {
      text: "samples every second cost more than 20 % over fresh ones",
      holds: (of) => of("TTFT p99 over fresh, %", armName("raw", 1000)) > 20,
    },
    {
      text: "samples every 100 ms cost more than 100 % over fresh ones",
      holds: (of) => of("TTFT p99 over fresh, %", armName("raw", 100)) > 100,
    },
    {
      text: "with corrections no period is worse than fresh samples as they are",
      holds: (of) =>
        periods.every(
          (ms) => of("TTFT p99, ms", armName("corrected", ms)) <= of("TTFT p99, ms", armName("raw", freshMs)),
        ),
    },
  ],
};

const policies = ["round-robin", "random", "least-request", "power-of-two", "go-load-only", "go-default", "default"];

/** A22: nothing to know. */
export const nullCase: Anchor = {
  ids: ["A22"],
  title: "where nothing is shared and load is low, policies are alike",
  source: "llm-d (2025-09): scorers of prefix and of load equal; BLIS: policies within 5 % at low load",
  setup: "8 replicas of `llama-3-8b-h100`, 1500 requests at 20/s as in the load `uniform`: 512 tokens in, 512 out.",
  replicas: Array.from({ length: 8 }, () => presetConfig("llama-3-8b-h100")),
  loads: (seed, scale) => [
    oneStage(
      {
        kind: "single-requests",
        requests: 1500,
        ratePerSecond: 20,
        promptTokens: { kind: "fixed", value: 512 },
        outputTokens: { kind: "fixed", value: 512 },
      },
      seed,
      scale,
    ),
  ],
  arms: policies.map((name) => ({ name, policy: builtIn(name) })),
  figures: [
    { label: "E2E mean, ms", digits: 0, read: ofRun(0, ({ summary }) => summary.e2eMs.mean), published: {} },
    {
      label: "output tokens/s",
      digits: 0,
      read: ofRun(0, ({ summary }) => summary.outputTokensPerSecond),
      published: {},
    },
    { label: "TTFT mean, ms", digits: 1, read: ofRun(0, ({ summary }) => summary.ttftMs.mean), published: {} },
  ],
  order: undefined,
  claims: [
    { text: "E2E means of all policies are within 5 %", holds: (of) => spread(of, "E2E mean, ms") <= 1.05 },
    { text: "outputs of all policies are within 5 %", holds: (of) => spread(of, "output tokens/s") <= 1.05 },
    {
      text: "with and without a scorer of prefixes TTFT means are within 1 %",
      holds: (of) => Math.abs(of("TTFT mean, ms", "go-default") / of("TTFT mean, ms", "go-load-only") - 1) < 0.01,
    },
    { text: "TTFT means of all policies are within 5 %", holds: (of) => spread(of, "TTFT mean, ms") <= 1.05 },
  ],
};

/** The greatest over the least of all arms of the null case. */
function spread(of: FigureReader, label: string): number {
  const values = policies.map((name) => of(label, name));
  return Math.max(...values) / Math.min(...values);
}
