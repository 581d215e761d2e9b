import * as Plot from "@observablehq/plot";
import type { CellResult, ExperimentResult } from "../../experiment/result.ts";
import { draw, logMsScale, policyColor, policyDash, type ReportPlot } from "../plot-kit.ts";

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

interface Curve {
  readonly metric: string;
  readonly heading: string;
  readonly label: string;
  readonly isLog: boolean;
  readonly read: (policy: CellResult["policies"][number]) => number;
}

const curves: readonly Curve[] = [
  { metric: "ttftMs.p99", heading: "TTFT p99", label: "ms, log", isLog: true, read: ({ ttftMs }) => ttftMs.p99 },
  {
    metric: "e2eMs.mean",
    heading: "Whole answer, mean",
    label: "ms, log",
    isLog: true,
    read: ({ e2eMs }) => e2eMs.mean,
  },
  {
    metric: "goodput",
    heading: "Goodput",
    label: "requests/s within objectives",
    isLog: false,
    read: ({ goodput }) => goodput,
  },
];

/** Latency and goodput over the rate, with 95 % bands; none with one rate. */
export function plotRateCurves(result: ExperimentResult): ReportPlot[] {
  return varying(
    result,
    ({ rateScale }) => rateScale,
    ({ replicas, scrapeMs }) => `${replicas} replicas, scraped every ${scrapeMs} ms`,
  ).map(({ condition, cells }, i) => ({
    id: `rates-${i}`,
    title: `Latency and goodput over the rate: ${condition}`,
    caption: "Mean over the seeds; the band is its 95 % interval.",
    isWide: true,
    hasPolicies: true,
    panels: curves.map((curve) =>
      panel(result, cells, curve, { label: "requests/s", read: (cell) => cell.offeredPerSecond, isLog: false }),
    ),
  }));
}

/** TTFT p99 and goodput over the scrape period; none with one period. */
export function plotStaleness(result: ExperimentResult): ReportPlot[] {
  return varying(
    result,
    ({ scrapeMs }) => scrapeMs,
    ({ replicas, rateScale }) => `${replicas} replicas, rate scale ${rateScale}`,
  ).map(({ condition, cells }, i) => ({
    id: `staleness-${i}`,
    title: `What old metrics cost: ${condition}`,
    caption:
      "The longer the time between two samples, the older what a policy decides by. The band is the 95 % interval.",
    isWide: true,
    hasPolicies: true,
    panels: curves.map((curve) =>
      panel(result, cells, curve, { label: "scrape period, log", read: (cell) => cell.scrapeMs, isLog: true }),
    ),
  }));
}

interface Axis {
  readonly label: string;
  readonly read: (cell: CellResult) => number;
  readonly isLog: boolean;
}

function panel(
  result: ExperimentResult,
  cells: readonly CellResult[],
  curve: Curve,
  axis: Axis,
): ReportPlot["panels"][number] {
  const lines = result.plan.policies.map((_, at) => points(cells, at, curve, axis));
  const values = lines.flat();
  const svg = draw(`${curve.heading} of each policy over ${axis.label}`, {
    width: 400,
    marginTop: 30,
    x: axis.isLog
      ? {
          label: `${axis.label} →`,
          ...logMsScale([]),
          ticks: [...new Set(values.map(({ x }) => x))],
          grid: true,
        }
      : { label: `${axis.label} →`, grid: true, ticks: 6 },
    y: curve.isLog
      ? {
          label: `↑ ${curve.label}`,
          ...logMsScale(values.flatMap((one) => [one.y, one.low, one.high])),
          grid: true,
          inset: 8,
        }
      : { label: `↑ ${curve.label}`, zero: true, grid: true },
    marks: lines.flatMap((line, at) => [
      Plot.areaY(line, { x: "x", y1: "low", y2: "high", fill: policyColor(at), fillOpacity: 0.18 }),
      Plot.lineY(line, { x: "x", y: "y", stroke: policyColor(at), strokeWidth: 2, strokeDasharray: policyDash(at) }),
      Plot.dot(line, { x: "x", y: "y", fill: policyColor(at), r: 3 }),
    ]),
  });
  return { heading: curve.heading, svg };
}

function points(cells: readonly CellResult[], at: number, { metric, read }: Curve, axis: Axis): Point[] {
  return cells
    .flatMap((cell) => {
      const policy = cell.policies[at];
      if (policy === undefined) return [];
      const y = read(policy);
      const [low, high] = policy.intervals[metric] ?? [y, y];
      return [{ x: axis.read(cell), y, low: Math.max(low, y / 100), high }];
    })
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .toSorted((a, b) => a.x - b.x);
}

/** Conditions that differ in nothing but `read`, where there are two of them or more. */
function varying(
  { cells }: ExperimentResult,
  read: (cell: CellResult) => number,
  describe: (cell: CellResult) => string,
): { readonly condition: string; readonly cells: readonly CellResult[] }[] {
  const groups = new Map<string, CellResult[]>();
  for (const cell of cells) groups.set(describe(cell), [...(groups.get(describe(cell)) ?? []), cell]);
  return [...groups].flatMap(([condition, group]) =>
    new Set(group.map(read)).size > 1 ? [{ condition, cells: group }] : [],
  );
}
