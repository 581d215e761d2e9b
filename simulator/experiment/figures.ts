import type { RunSummary } from "../statistics/run-summary.ts";

/** A figure by which policies are compared. */
export interface Figure {
  /** Its path in the JSON document. */
  readonly metric: string;
  /** For tables and verdicts. */
  readonly label: string;
  readonly unit: "ms" | "per-second" | "ratio" | "count";
  /** Which of two policies a difference speaks for. */
  readonly better: "lower" | "higher";
  readonly read: (run: RunSummary) => number;
}

/** The figures of paired comparisons, the ones that verdicts speak of first. */
export const figures: readonly Figure[] = [
  { metric: "ttftMs.p99", label: "TTFT p99", unit: "ms", better: "lower", read: ({ ttftMs }) => ttftMs.p99 },
  { metric: "e2eMs.mean", label: "E2E mean", unit: "ms", better: "lower", read: ({ e2eMs }) => e2eMs.mean },
  { metric: "goodput", label: "goodput", unit: "per-second", better: "higher", read: ({ goodput }) => goodput },
  { metric: "ttftMs.mean", label: "TTFT mean", unit: "ms", better: "lower", read: ({ ttftMs }) => ttftMs.mean },
  { metric: "ttftMs.p50", label: "TTFT p50", unit: "ms", better: "lower", read: ({ ttftMs }) => ttftMs.p50 },
  { metric: "ttftMs.p90", label: "TTFT p90", unit: "ms", better: "lower", read: ({ ttftMs }) => ttftMs.p90 },
  { metric: "itlMs.mean", label: "ITL mean", unit: "ms", better: "lower", read: ({ itlMs }) => itlMs.mean },
  { metric: "itlMs.p99", label: "ITL p99", unit: "ms", better: "lower", read: ({ itlMs }) => itlMs.p99 },
  { metric: "e2eMs.p99", label: "E2E p99", unit: "ms", better: "lower", read: ({ e2eMs }) => e2eMs.p99 },
  {
    metric: "outputTokensPerSecond",
    label: "output tokens/s",
    unit: "per-second",
    better: "higher",
    read: ({ outputTokensPerSecond }) => outputTokensPerSecond,
  },
  {
    metric: "prefixHitRatio",
    label: "prefix hits",
    unit: "ratio",
    better: "higher",
    read: ({ prefixHitRatio }) => prefixHitRatio,
  },
];

/** The figures of which a verdict says something. */
export const verdictFigures = figures.slice(0, 3);
