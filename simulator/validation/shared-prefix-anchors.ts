import { namedLoads } from "../generators/named-loads.ts";
import { presetConfig } from "../replica/presets.ts";
import type { Anchor, AnchorLoad } from "./anchor.ts";
import { kneeRate, ofRun, steadyOutput } from "./anchor-figures.ts";
import { type Stage, twoStages } from "./anchor-loads.ts";
import { builtIn } from "./anchor-policies.ts";

const eightQwen = Array.from({ length: 8 }, () => presetConfig("qwen3-32b-h100-tp2"));
const warm = { requests: 1500, ratePerSecond: 6 };
/** Rates of the search for the knee and the peak, requests/s. */
const ladder = [7, 8, 9, 14, 16, 18, 20, 24];

function stage(counted: Stage, seed: number, scale: number): AnchorLoad {
  return twoStages(namedLoads["shared-prefixes"].spec, { warm, counted }, seed, scale);
}

/** A1 and A3: twice the output from routing by prefix. */
export const prefixFactor: Anchor = {
  ids: ["A1", "A3"],
  title: "routing by prefix about doubles what a pool can do",
  source:
    "llm-d, optimized baseline (output, TTFT p90, knee of a later post) and precise prefix guide (requests/s, time between tokens), each at 60 requests/s",
  setup:
    "8 replicas of `qwen3-32b-h100-tp2`, load `shared-prefixes` (150 groups of 5 questions, 6000 + 1200 tokens in, 1000 out). 1500 requests at 6/s fill the " +
    `caches and do not count. Then 36 s at 60/s; and in runs of their own 3000 requests at each of ${ladder.join(", ")}/s for knee (TTFT p90 up to 2 s) ` +
    "and peak (answers that end in the second half of the time of arrivals). How long the published stages were is not known to us.",
  replicas: eightQwen,
  loads: (seed, scale) => [
    stage({ requests: 2160, ratePerSecond: 60 }, seed, scale),
    ...ladder.map((ratePerSecond) => stage({ requests: 3000, ratePerSecond }, seed, scale)),
  ],
  arms: [
    { name: "round-robin", policy: builtIn("round-robin") },
    { name: "go-default", policy: builtIn("go-default") },
  ],
  figures: [
    {
      label: "peak output tokens/s",
      digits: 0,
      read: (runs) => Math.max(...runs.slice(1).map(steadyOutput)),
      published: { "round-robin": 7049, "go-default": 14_941 },
    },
    {
      label: "knee, requests/s",
      digits: 1,
      read: (runs) => kneeRate(runs.slice(1), ladder, 2000),
      published: { "round-robin": 18, "go-default": 38 },
    },
    {
      label: "TTFT p90 at 60/s, s",
      digits: 1,
      read: ofRun(0, ({ summary }) => summary.ttftMs.p90 / 1000),
      published: { "round-robin": 154, "go-default": 0.9 },
    },
    {
      label: "requests/s at 60/s, until the last answer",
      digits: 2,
      read: ofRun(0, ({ summary }) => summary.requestsPerSecond),
      published: { "round-robin": 5.73, "go-default": 14.87 },
    },
    {
      label: "time between tokens at 60/s, ms",
      digits: 0,
      read: ofRun(0, ({ summary }) => summary.tpotMs.mean),
      published: { "round-robin": 70, "go-default": 63 },
    },
    {
      label: "prefix hits at 60/s",
      digits: 2,
      read: ofRun(0, ({ summary }) => summary.prefixHitRatio),
      published: {},
    },
  ],
  order: { label: "peak output tokens/s", published: { "round-robin": 7049, "go-default": 14_941 } },
  claims: [
    {
      text: "peak output of routing by prefix is 1.9 to 2.1 times that of round robin",
      holds: (of) => {
        const factor = of("peak output tokens/s", "go-default") / of("peak output tokens/s", "round-robin");
        return factor >= 1.9 && factor <= 2.1;
      },
    },
    {
      text: "the knee is at 1.8 to 2.5 times the rate",
      holds: (of) => {
        const factor = of("knee, requests/s", "go-default") / of("knee, requests/s", "round-robin");
        return factor >= 1.8 && factor <= 2.5;
      },
    },
    {
      text: "at 60/s TTFT p90 is more than 100 s with round robin and below 1 s with prefixes",
      holds: (of) => of("TTFT p90 at 60/s, s", "round-robin") > 100 && of("TTFT p90 at 60/s, s", "go-default") < 1,
    },
    {
      text: "at 60/s round robin has at least the time between tokens that prefixes have",
      holds: (of) =>
        of("time between tokens at 60/s, ms", "round-robin") >= of("time between tokens at 60/s, ms", "go-default"),
    },
  ],
};

/** A2: where prefixes decide, load is random. */
export const prefixOrder: Anchor = {
  ids: ["A2"],
  title: "routing by load alone is no better than random where prefixes decide",
  source: "llm-d, approximate prefixes, load and random (2025-09), the setup of A1 on an older stack",
  setup:
    "Replicas and load of A1; after the caches are filled 1500 requests at 15/s count. The published comparison has a precise index too (8730 tokens/s, " +
    "TTFT p90 0.54 s); there is none in this version, so that arm is left out.",
  replicas: eightQwen,
  loads: (seed, scale) => [stage({ requests: 1500, ratePerSecond: 15 }, seed, scale)],
  arms: [
    { name: "go-default", policy: builtIn("go-default") },
    { name: "go-load-only", policy: builtIn("go-load-only") },
    { name: "random", policy: builtIn("random") },
    { name: "round-robin", policy: builtIn("round-robin") },
  ],
  figures: [
    {
      label: "output tokens/s",
      digits: 0,
      read: ofRun(0, ({ summary }) => summary.outputTokensPerSecond),
      published: { "go-default": 6944, "go-load-only": 4429, random: 4429 },
    },
    {
      label: "TTFT p90, s",
      digits: 1,
      read: ofRun(0, ({ summary }) => summary.ttftMs.p90 / 1000),
      published: { "go-default": 31, "go-load-only": 95, random: 93 },
    },
    { label: "prefix hits", digits: 2, read: ofRun(0, ({ summary }) => summary.prefixHitRatio), published: {} },
  ],
  order: { label: "output tokens/s", published: { "go-default": 6944, "go-load-only": 4429, random: 4429 } },
  claims: [
    {
      text: "load alone and random are within 5 % in output",
      holds: (of) => Math.abs(of("output tokens/s", "go-load-only") / of("output tokens/s", "random") - 1) < 0.05,
    },
    {
      text: "prefixes put out at least 1.3 times as much as either",
      holds: (of) => of("output tokens/s", "go-default") >= 1.3 * of("output tokens/s", "go-load-only"),
    },
  ],
};
