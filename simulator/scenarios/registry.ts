import type { PoolChange } from "../engine/options.ts";
import type { LoadSpec } from "../generators/load-spec.ts";
import { namedLoads } from "../generators/named-loads.ts";
import { didYouMean } from "../../src/lib/suggest.ts";
import type { Scenario } from "./scenario.ts";

const { reasoning } = namedLoads;
const uniform = namedLoads.uniform.spec as LoadSpec & { readonly kind: "single-requests" };
const baselines = ["round-robin", "random", "least-request", "go-default", "default"] as const;
const eightSmall = { replicas: 8, preset: "llama-3-8b-a100" } as const;
const eightLarge = { replicas: 8, preset: "llama-3-8b-h100" } as const;
const eightQwen = { replicas: 8, preset: "qwen3-32b-h100-tp2" } as const;

/** A load of single requests with the lengths of chats. */
const chatLengths: LoadSpec & { readonly kind: "single-requests" } = {
  ...(namedLoads["azure-conv-like"].spec as LoadSpec & { readonly kind: "single-requests" }),
  ratePerSecond: 30,
};

/** One replica dies and comes back three times. */
const flapping: readonly PoolChange[] = [20_000, 40_000, 60_000].flatMap((atMs) => [
  { atMs, replica: 0, kind: "dies" },
  { atMs: atMs + 10_000, replica: 0, kind: "joins" },
]);

const scenarios: readonly Scenario[] = [
  {
    name: "uniform",
    description: "null case: equal requests that share nothing on equal servers, ten a second",
    load: { ...uniform, ratePerSecond: 10 },
    pool: eightLarge,
    information: {},
    policies: baselines,
    expected: "all within 5 % in the median: there is nothing to know",
  },
  {
    name: "shared-prefixes",
    description: "many questions over 150 long prefixes, more than one server can keep",
    load: namedLoads["shared-prefixes"].spec,
    pool: eightQwen,
    information: {},
    policies: ["round-robin", "random", "go-load-only", "go-default", "default"],
    expected:
      "policies that know prefixes carry about twice the rate of round robin; load alone is no better than random",
  },
  {
    name: "hot-prefix",
    description: "prefixes of very different popularity, the hottest more than one server can take",
    load: {
      kind: "shared-prefixes",
      requests: 3000,
      ratePerSecond: 20,
      groups: 40,
      questionsPerGroup: 0,
      prefixTokens: 6000,
      questionTokens: 400,
      outputTokens: { kind: "fixed", value: 500 },
      popularity: "zipf",
    },
    pool: eightQwen,
    information: {},
    policies: ["round-robin", "prefix-only", "go-default", "default"],
    expected: "prefix alone collapses on the server of the hottest prefix; with load beside it nothing collapses",
  },
  {
    name: "code-gen",
    description: "users with contexts of 55,000 tokens, of which a server keeps eight",
    load: namedLoads["code-gen"].spec,
    pool: eightLarge,
    information: {},
    policies: ["round-robin", "go-default", "default"],
    expected: "policies that know prefixes carry two to three times the users",
  },
  {
    name: "reasoning",
    description: "short prompts, long answers, nothing shared",
    load: reasoning.spec,
    pool: eightLarge,
    information: {},
    policies: ["round-robin", "go-default", "default"],
    expected: "all alike",
  },
  {
    name: "multi-lora",
    description: "15 adapters for 3 slots a server",
    load: namedLoads["multi-lora"].spec,
    pool: { replicas: 10, preset: "llama-3-8b-h100", overrides: { maxLoras: 3, maxCpuLoras: 6 } },
    information: {},
    policies: ["round-robin", "random", "default", "lora-affinity"],
    expected: "without affinity requests queue for slots and adapters are loaded all the time; with it they do not",
  },
  {
    name: "chat-sessions",
    description: "chats of several turns in a closed loop",
    load: namedLoads["chat-sessions"].spec,
    pool: eightSmall,
    information: {},
    policies: baselines,
    expected: "policies that know prefixes answer later turns sooner",
  },
  {
    name: "burst-on-old-metrics",
    description: "five times the rate for a tenth of the time, metrics every 5 s",
    load: { ...chatLengths, burst: { from: 0.45, to: 0.55, factor: 5 } },
    pool: eightSmall,
    information: { scrapeMs: 5000 },
    policies: baselines,
    expected: "scores of old samples alone are worse than random; corrected with own requests they are not",
  },
  {
    name: "old-kv-scores",
    description: "the load of the null case at half of what the servers can do, metrics every 100 ms",
    load: uniform,
    pool: eightLarge,
    information: { scrapeMs: 100 },
    policies: ["round-robin", "kv-only", "go-default", "default"],
    expected:
      "KV use alone herds between samples, the more the older they are; corrected with own requests nothing herds",
  },
  {
    name: "silent-exporter",
    description: "one server whose metrics never arrive",
    load: chatLengths,
    pool: eightSmall,
    information: { endpoints: [{ lossRatio: 1 }] },
    policies: baselines,
    expected: "the silent server gets its share where unknown is not taken for busy or idle",
  },
  {
    name: "frozen-exporter",
    description: "one server whose metrics page stays as it was before the first request, as fresh as ever",
    load: chatLengths,
    pool: { ...eightSmall, changes: [{ atMs: 0, replica: 0, kind: "metrics-freeze" }] },
    information: {},
    policies: baselines,
    expected:
      "scores of samples as they are flood the frozen server; corrected with own requests they give it its share",
  },
  {
    name: "prefix-stampede",
    description: "requests for a few new long prefixes, four times the rate for a fifth of the time",
    load: {
      kind: "shared-prefixes",
      requests: 3000,
      ratePerSecond: 15,
      groups: 12,
      questionsPerGroup: 0,
      prefixTokens: 8000,
      questionTokens: 200,
      outputTokens: { kind: "fixed", value: 200 },
      popularity: "zipf",
      burst: { from: 0.2, to: 0.4, factor: 4 },
    },
    pool: eightSmall,
    information: {},
    policies: baselines,
    expected: "a policy that puts prefix above load overruns the servers of the hottest prefixes; round robin does not",
  },
  {
    name: "cold-scale-out",
    description: "a ninth server with an empty cache joins after 60 s",
    load: namedLoads["chat-sessions"].spec,
    pool: { ...eightSmall, replicas: 9, changes: [{ atMs: 60_000, replica: 8, kind: "joins" }] },
    information: {},
    policies: baselines,
    expected:
      "with a slow start the new server soon has its share, for a later first token at p99 and a sooner whole answer; else prefixes leave it idle",
  },
  {
    name: "lora-skew",
    description: "12 adapters of very different popularity for 4 slots a server",
    load: {
      kind: "single-requests",
      requests: 4000,
      ratePerSecond: 30,
      promptTokens: { kind: "log-normal", mean: 512, p99: 2048, max: 8192 },
      outputTokens: { kind: "log-normal", mean: 256, p99: 1024, max: 2048 },
      adapters: Array.from({ length: 12 }, (_, i) => ({ name: `adapter-${i + 1}`, share: 1 / (i + 1) })),
    },
    pool: { ...eightSmall, overrides: { maxLoras: 4, maxCpuLoras: 4, adapterLoadMs: 500 } },
    information: {},
    policies: ["round-robin", "random", "default", "lora-affinity"],
    expected: "affinity saves most loads, and the servers of the hottest adapter are not overrun",
  },
  {
    name: "flapping-server",
    description: "one server that dies and comes back empty 10 s later, three times",
    load: chatLengths,
    pool: { ...eightSmall, changes: flapping },
    information: {},
    policies: baselines,
    expected:
      "the requests that it has fail under every policy; back again it is rushed to for being idle, not by the default policy",
  },
  {
    name: "slow-server",
    description: "one server of half the speed",
    load: chatLengths,
    pool: { ...eightSmall, slow: [{ replica: 0, factor: 2 }] },
    information: {},
    policies: baselines,
    expected: "policies that know load send it half as much; round robin queues there",
  },
  {
    name: "data-parallel-ranks",
    description: "ranks of data parallelism as endpoints of their own, each with half a server's memory",
    load: { ...chatLengths, ratePerSecond: 40 },
    pool: { replicas: 16, preset: "llama-3-8b-a100", overrides: { kvTokens: 226_000, maxSeqs: 128 } },
    information: {},
    policies: baselines,
    expected: "as with servers, more of them: choices by load matter more the more endpoints there are",
  },
  {
    name: "mixed-lengths",
    description: "short prompts among a few of up to 16,000 tokens",
    load: namedLoads["mixed-lengths"].spec,
    pool: eightSmall,
    information: {},
    policies: baselines,
    expected: "policies that know load keep short prompts from queueing behind long ones; small gain",
  },
  {
    name: "two-pickers",
    description: "two pickers side by side, each of which knows half the requests, metrics every second",
    load: chatLengths,
    pool: eightSmall,
    information: { pickers: 2, scrapeMs: 1000 },
    policies: baselines,
    expected: "scores of old samples alone herd; corrected with half the requests they are close to one picker's",
  },
];

/** Names of the scenarios, in the order of the documents. */
export const scenarioNames: readonly string[] = scenarios.map(({ name }) => name);

/** The scenario of a name. Throws RangeError for an unknown one, with the nearest name there is. */
export function scenario(name: string): Scenario {
  const found = scenarios.find((one) => one.name === name);
  if (found !== undefined) return found;
  const hint = didYouMean(name, scenarioNames);
  throw new RangeError(
    `Cannot simulate scenario "${name}": unknown${hint}, expected one of ${scenarioNames.join(", ")}`,
  );
}
