import * as Plot from "@observablehq/plot";
import type { ExperimentResult } from "../../experiment/result.ts";
import { draw, formatMsTick, logTicks, policyColor, type ReportPlot } from "../plot-kit.ts";

interface Point {
  readonly tokens: number;
  readonly ttftMs: number;
  readonly policy: number;
  readonly name: string;
}

/** Output tokens a second against TTFT p99, one point for each policy and condition, with those that none beats in both. */
export function plotPareto({ cells, plan }: ExperimentResult): ReportPlot[] {
  const points = cells.flatMap(({ policies }) =>
    policies.map(
      ({ name, outputTokensPerSecond, ttftMs }, policy): Point => ({
        tokens: outputTokensPerSecond,
        ttftMs: ttftMs.p99,
        policy,
        name,
      }),
    ),
  );
  const known = points.filter(({ tokens, ttftMs }) => Number.isFinite(tokens) && ttftMs > 0);
  if (known.length < 2) return [];
  const front = known
    .filter((one) => !known.some((other) => other.tokens >= one.tokens && other.ttftMs < one.ttftMs))
    .toSorted((a, b) => a.tokens - b.tokens);
  const areFew = plan.policies.length * cells.length <= 8;
  const svg = draw("Output tokens a second against time to first token, for each policy", {
    x: { label: "output tokens/s →", grid: true, domain: spanOf(known), ticks: 6, inset: 12 },
    y: {
      label: "↑ TTFT p99, log",
      type: "log",
      ticks: logTicks(known.map(({ ttftMs }) => ttftMs)),
      tickFormat: formatMsTick,
      grid: true,
      inset: 12,
    },
    marks: [
      Plot.line(front, {
        x: "tokens",
        y: "ttftMs",
        stroke: "currentColor",
        strokeOpacity: 0.5,
        strokeDasharray: "4 3",
      }),
      Plot.dot(known, { x: "tokens", y: "ttftMs", fill: ({ policy }: Point) => policyColor(policy), r: 5 }),
      areFew ? Plot.text(known, { x: "tokens", y: "ttftMs", text: "name", dy: -11, fill: "currentColor" }) : undefined,
    ],
  });
  return [
    {
      id: "pareto",
      title: "Throughput against time to first token",
      caption: "Right and down is better. Nothing beats the points of the dashed line in both.",
      hasPolicies: true,
      panels: [{ heading: "", svg }],
    },
  ];
}

/** At least a tenth of the mean wide, so that equal throughputs look equal. */
function spanOf(points: readonly Point[]): [low: number, high: number] {
  const tokens = points.map((point) => point.tokens);
  const [low, high] = [Math.min(...tokens), Math.max(...tokens)];
  const missing = Math.max(0, (low + high) / 20 - (high - low)) / 2;
  return [low - missing, high + missing];
}
