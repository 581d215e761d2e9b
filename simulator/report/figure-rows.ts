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
  timeRow("time to first token p50, ms", "time to first token p50, ms", "ttftMs", "p50"),
  timeRow("                    p90", "time to first token p90, ms", "ttftMs", "p90"),
  timeRow("                    p99", "time to first token p99, ms", "ttftMs", "p99"),
  timeRow("between tokens      mean, ms", "between tokens mean, ms", "itlMs", "mean"),
  timeRow("                    p99", "between tokens p99, ms", "itlMs", "p99"),
  timeRow("whole answer        mean, ms", "whole answer mean, ms", "e2eMs", "mean"),
  timeRow("                    p99", "whole answer p99, ms", "e2eMs", "p99"),
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
    label: "refused, failed, unfinished",
    name: "refused, failed, unfinished",
    read: ({ refused, failed, unfinished }) => [refused, failed, unfinished].map(formatNumber).join(" / "),
  },
];

function timeRow(
  label: string,
  name: string,
  metric: "ttftMs" | "itlMs" | "e2eMs",
  figure: "mean" | "p50" | "p90" | "p99",
): FigureRow {
  return { label, name, read: (policy) => withHalf(policy, policy[metric][figure], `${metric}.${figure}`) };
}

/** "812 ±34": a mean and half its interval. */
function withHalf({ intervals }: PolicyResult, mean: number, metric: string): string {
  const interval = intervals[metric];
  if (interval === null || interval === undefined) return formatNumber(mean);
  return formatWithin(mean, (interval[1] - interval[0]) / 2);
}
