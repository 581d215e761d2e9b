/**
 * Statistics of public traces that generated loads are fitted to. Azure LLM inference trace 2023 (Azure/AzurePublicDataset, CC-BY-4.0): quantiles
 * of the conversation trace; of the code trace mean and 99th percentile. Mooncake conversation trace (kvcache-ai/Mooncake,
 * Apache-2.0): quantiles of lengths, and of how prompts go on from earlier ones.
 */
import type { Distribution } from "./distributions.ts";

const ratios = [
  0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 1,
];

function quantiles(values: readonly number[]): Distribution {
  return { kind: "quantiles", ratios, values };
}

/** Lengths and arrivals of a trace without prefixes. */
export interface LengthsAndArrivals {
  readonly promptTokens: Distribution;
  readonly outputTokens: Distribution;
  readonly ratePerSecond: number;
  readonly gapCv: number;
}

/** Azure 2023, conversation: 19,366 requests in 58 minutes; prompt 1,155 in the mean, answer 211. */
export const azureConversation: LengthsAndArrivals = {
  promptTokens: quantiles([
    2, 29, 181, 207, 387, 403, 703, 1020, 1071, 1130, 1315, 1877, 2735, 4075, 4083, 4090, 4098, 4142, 4831, 6212,
    14_050,
  ]),
  outputTokens: quantiles([
    7, 16, 41, 54, 77, 91, 103, 129, 177, 384, 400, 411, 424, 430, 451, 509, 540, 601, 644, 954, 1000,
  ]),
  ratePerSecond: 5.53,
  gapCv: 1.09,
};

/** Azure 2023, code: 8,819 requests in 57 minutes, in bursts with pauses between them; prompt 2,048 in the mean, answer 28. */
export const azureCode: LengthsAndArrivals = {
  promptTokens: { kind: "log-normal", mean: 2048, p99: 7436, max: 16_384 },
  outputTokens: { kind: "log-normal", mean: 28, p99: 249, max: 4096 },
  ratePerSecond: 2.58,
  gapCv: 13.2,
};

/** How prompts of a trace go on from earlier ones. */
export interface ReuseStatistics {
  /**
   * Share of requests that go on from an earlier one, beyond the first block, which all share. 0.387 in the trace; a little more here,
   * where the earlier one is any, not a long one rather than a short one.
   */
  readonly continuingShare: number;
  /** Prompts of the others. */
  readonly freshTokens: Distribution;
  /** What continuing ones add to what they share. */
  readonly addedTokens: Distribution;
  /** How long ago the earlier one came. */
  readonly agoSeconds: Distribution;
  /** Share of the earlier prompt that the later begins with, 0..1. */
  readonly reusedShare: Distribution;
  readonly maxTokens: number;
}

/** Mooncake, conversation: 12,031 requests in 59 minutes; prompt 12,035 in the mean, answer 343, 36.6 % of blocks seen before. */
export const mooncakeStatistics: {
  readonly ratePerSecond: number;
  readonly outputTokens: Distribution;
  readonly reuse: ReuseStatistics;
} = {
  ratePerSecond: 3.4,
  outputTokens: quantiles([
    1, 3, 10, 24, 100, 213, 291, 350, 399, 447, 504, 543, 597, 639, 698, 802, 893, 1120, 1570, 2000, 2000,
  ]),
  reuse: {
    continuingShare: 0.41,
    freshTokens: quantiles([
      891, 894, 897, 905, 1092, 1756, 3914, 5264, 7417, 10_775, 15_871, 19_453, 25_561, 30_511, 38_538, 51_792, 67_212,
      89_869, 111_800, 121_471, 126_195,
    ]),
    addedTokens: quantiles([
      1, 1, 163, 304, 473, 590, 698, 829, 992, 1680, 5023, 7271, 9741, 11_462, 14_768, 17_447, 20_602, 26_773, 32_834,
      65_216, 94_968,
    ]),
    agoSeconds: quantiles([
      0, 12, 30, 42, 60, 75, 96, 123, 162, 222, 318, 390, 483, 546, 618, 756, 1032, 1482, 1908, 2667, 3030,
    ]),
    reusedShare: quantiles([
      0.015, 0.056, 0.143, 0.36, 0.667, 0.8, 0.889, 0.917, 0.938, 0.957, 0.971, 0.976, 0.982, 0.985, 0.991, 0.995, 1, 1,
      1, 1, 1,
    ]),
    maxTokens: 126_195,
  },
};
