import type { PolicyResult } from "../experiment/result.ts";
import { formatNumber, formatShare, formatWithin } from "./numbers.ts";

/** One line of the table of figures. */
export interface FigureRow {
  readonly label: string;
  /** The label by itself. */
  readonly name: string;
  readonly read: (policy: PolicyResult) => string;
}

/** The table of figures, for the terminal and for reports; labels of one group are aligned by spaces. */
export const figureRows: readonly FigureRow[] = [
  {
    label: "time to first token p50, ms",
    name: "time to first token p50, ms",
    read: (policy) => withHalf(policy, policy.ttftMs.p50, "ttftMs.p50"),
  },
  {
    label: "                    p90",
    name: "time to first token p90, ms",
    read: (policy) => withHalf(policy, policy.ttftMs.p90, "ttftMs.p90"),
  },
  {
    label: "                    p99",
    name: "time to first token p99, ms",
    read: (policy) => withHalf(policy, policy.ttftMs.p99, "ttftMs.p99"),
  },
  {
    label: "between tokens      mean, ms",
    name: "between tokens mean, ms",
    read: (policy) => withHalf(policy, policy.itlMs.mean, "itlMs.mean"),
  },
  {
    label: "                    p99",
    name: "between tokens p99, ms",
    read: (policy) => withHalf(policy, policy.itlMs.p99, "itlMs.p99"),
  },
  {
    label: "whole answer        mean, ms",
    name: "whole answer mean, ms",
    read: (policy) => withHalf(policy, policy.e2eMs.mean, "e2eMs.mean"),
  },
  {
    label: "                    p99",
    name: "whole answer p99, ms",
    read: (policy) => withHalf(policy, policy.e2eMs.p99, "e2eMs.p99"),
  },
  {
    label: "goodput, requests/s",
    name: "goodput, requests/s",
    read: (policy) => withHalf(policy, policy.goodput, "goodput"),
  },
  {
    label: "requests within objectives",
    name: "requests within objectives",
    read: ({ attainment }) => formatShare(attainment),
  },
  {
    label: "output tokens/s",
    name: "output tokens/s",
    read: (policy) => withHalf(policy, policy.outputTokensPerSecond, "outputTokensPerSecond"),
  },
  {
    label: "prompt tokens from cache",
    name: "prompt tokens from cache",
    read: ({ prefixHitRatio }) => formatShare(prefixHitRatio),
  },
  {
    label: "busiest replica, x mean",
    name: "busiest replica, x mean",
    read: ({ maxOverMean }) => maxOverMean.toFixed(2),
  },
  { label: "preemptions", name: "preemptions", read: ({ preemptions }) => formatNumber(preemptions) },
  {
    label: "refused / unfinished",
    name: "refused / unfinished",
    read: ({ refused, unfinished }) => `${formatNumber(refused)} / ${formatNumber(unfinished)}`,
  },
];

/** "812 ±34": a mean and half its interval. */
function withHalf({ intervals }: PolicyResult, mean: number, metric: string): string {
  const interval = intervals[metric];
  if (interval === null || interval === undefined) return formatNumber(mean);
  return formatWithin(mean, (interval[1] - interval[0]) / 2);
}
