import * as Plot from "@observablehq/plot";
import type { ExperimentResult } from "../../experiment/result.ts";
import { draw, logMsScale, policyColor, type ReportPlot } from "../plot-kit.ts";

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
      ...logMsScale(known.map(({ ttftMs }) => ttftMs)),
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
      areFew
        ? Plot.text(labelsOf(known), { x: "tokens", y: "ttftMs", text: "name", dy: -11, fill: "currentColor" })
        : undefined,
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

/** Parts of the height and the width of the plot within which two labels would lie over each other. */
const closeTo = { height: 0.08, width: 0.25 };

/** One label for points that are close to each other, at the highest of them, with their names in the order of policies. */
function labelsOf(points: readonly Point[]): Point[] {
  const [left, right] = spanOf(points);
  const heights = points.map(({ ttftMs }) => Math.log(ttftMs));
  const height = Math.max(...heights) - Math.min(...heights);
  const areClose = (a: Point, b: Point): boolean =>
    Math.abs(Math.log(a.ttftMs / b.ttftMs)) <= closeTo.height * height &&
    Math.abs(a.tokens - b.tokens) <= closeTo.width * (right - left);
  const groups: Point[][] = [];
  for (const point of points.toSorted((a, b) => b.ttftMs - a.ttftMs)) {
    const group = groups.find(([highest]) => highest !== undefined && areClose(highest, point));
    if (group === undefined) groups.push([point]);
    else group.push(point);
  }
  return groups.map((group) => ({
    ...(group[0] as Point),
    name: group
      .toSorted((a, b) => a.policy - b.policy)
      .map(({ name }) => name)
      .join(", "),
  }));
}

/** At least a tenth of the mean wide, so that equal throughputs look equal. */
function spanOf(points: readonly Point[]): [low: number, high: number] {
  const tokens = points.map((point) => point.tokens);
  const [low, high] = [Math.min(...tokens), Math.max(...tokens)];
  const missing = Math.max(0, (low + high) / 20 - (high - low)) / 2;
  return [low - missing, high + missing];
}
