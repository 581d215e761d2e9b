import * as Plot from "@observablehq/plot";
import type { PairedResult } from "../../experiment/compare.ts";
import { figures } from "../../experiment/figures.ts";
import type { ExperimentResult, TornadoBar } from "../../experiment/result.ts";
import { formatMsTick, draw, logTicks, policyColor, zeroX, type ReportPlot } from "../plot-kit.ts";

const shownMetrics = ["ttftMs.p50", "ttftMs.p99", "itlMs.mean", "e2eMs.mean", "goodput", "outputTokensPerSecond"];

interface Row {
  readonly label: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly color: string;
}

const verdictColors: Readonly<Record<PairedResult["verdict"], string>> = {
  better: "var(--better)",
  worse: "var(--worse)",
  undecided: "var(--undecided)",
};

/** How each pair of policies differs, with 95 % intervals; one panel a pair, for the first condition. */
export function plotForest({ cells }: ExperimentResult): ReportPlot[] {
  const paired = cells[0]?.paired ?? [];
  const pairs = [...new Map(paired.map((one) => [JSON.stringify([one.a, one.b]), one] as const)).values()];
  if (pairs.length === 0) return [];
  return [
    {
      id: "pairs",
      title: "Paired differences",
      isWide: true,
      caption:
        "The first policy against the second on the same requests, seed by seed: mean and 95 % interval of the difference. Blue is better, orange worse, grey undecided.",
      panels: pairs.map(({ a, b }) => ({
        heading: `${a} against ${b}`,
        svg: forest(
          `Differences of ${a} against ${b}`,
          paired.filter((one) => one.a === a && one.b === b).flatMap(toRow),
        ),
      })),
    },
  ];
}

function toRow({ metric, relative, verdict }: PairedResult): Row[] {
  const figure = figures.find((one) => one.metric === metric);
  const { difference } = relative;
  if (!shownMetrics.includes(metric) || figure === undefined || difference === null) return [];
  const [low, high] = [relative.low ?? difference, relative.high ?? difference];
  return [{ label: figure.label, difference, low, high, color: verdictColors[verdict] }];
}

function forest(label: string, rows: readonly Row[]): string {
  return draw(label, {
    width: 430,
    height: 60 + 24 * rows.length,
    marginLeft: 112,
    x: { label: "difference →", tickFormat: percentTick, grid: true, ticks: 4 },
    y: { label: null, domain: rows.map((row) => row.label) },
    marks: [
      zeroX(),
      Plot.ruleY(rows, { x1: "low", x2: "high", y: "label", stroke: "color", strokeWidth: 3 }),
      Plot.dot(rows, { x: "difference", y: "label", fill: "color", r: 4.5 }),
    ],
  });
}

/** TTFT p99 of every seed of the first condition, a dot each: a mean would hide a pool that settles in one of two states. */
export function plotSeeds({ cells, plan }: ExperimentResult): ReportPlot[] {
  const policies = cells[0]?.policies ?? [];
  const dots = policies.flatMap(({ name, bySeed }, at) => (bySeed["ttftMs.p99"] ?? []).map((ms) => ({ name, ms, at })));
  if (plan.seeds < 2) return [];
  const svg = draw("TTFT p99 of every seed, for each policy", {
    height: 70 + 30 * policies.length,
    marginLeft: 130,
    x: {
      label: "TTFT p99, log →",
      type: "log",
      ticks: logTicks(dots.map(({ ms }) => ms)),
      tickFormat: formatMsTick,
      grid: true,
      inset: 8,
    },
    y: { label: null, domain: policies.map(({ name }) => name) },
    marks: [
      Plot.dot(dots, {
        x: "ms",
        y: "name",
        stroke: ({ at }: { at: number }) => policyColor(at),
        strokeWidth: 1.5,
        fill: ({ at }: { at: number }) => policyColor(at),
        fillOpacity: 0.3,
        r: 5,
      }),
    ],
  });
  return [
    {
      id: "seeds",
      title: "Every seed",
      caption:
        "One dot a seed. Two clusters mean a pool that settles in one of two states, depending on how prefixes spread at first.",
      panels: [{ heading: "", svg }],
    },
  ];
}

/** What one coefficient alone, 30 % lower or higher, makes of the difference; none when they were not varied. */
export function plotTornado({ cells }: ExperimentResult): ReportPlot[] {
  const bars = cells[0]?.tornado ?? [];
  const pairs = [...new Map(bars.map((bar) => [JSON.stringify([bar.a, bar.b]), bar] as const)).values()];
  if (pairs.length === 0) return [];
  return [
    {
      id: "sensitivity",
      title: "Sensitivity to the coefficients",
      isWide: true,
      caption:
        "TTFT p99 of the first policy against the second with one coefficient at 0.7 (hollow) and 1.3 times (full) its value: c0 step, cK context, cP prefill, KV cache size, T scrape period. A bar across zero turns the order round.",
      panels: pairs.map(({ a, b }) => ({
        heading: `${a} against ${b}`,
        svg: tornado(
          `Sensitivity of ${a} against ${b}`,
          bars.filter((bar) => bar.a === a && bar.b === b),
        ),
      })),
    },
  ];
}

function tornado(label: string, given: readonly TornadoBar[]): string {
  const bars = given.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
  const bySpan = bars.toSorted((a, b) => Math.abs(b.high - b.low) - Math.abs(a.high - a.low));
  return draw(label, {
    width: 430,
    marginLeft: 40,
    height: 60 + 24 * bars.length,
    x: { label: "difference of TTFT p99 →", tickFormat: percentTick, grid: true, ticks: 4 },
    y: { label: null, domain: bySpan.map(({ factor }) => factor) },
    marks: [
      zeroX(),
      Plot.ruleY(bySpan, {
        x1: "low",
        x2: "high",
        y: "factor",
        stroke: "var(--better)",
        strokeWidth: 9,
        strokeOpacity: 0.35,
      }),
      Plot.dot(bySpan, { x: "low", y: "factor", stroke: "var(--better)", strokeWidth: 2, fill: "var(--card)", r: 4.5 }),
      Plot.dot(bySpan, { x: "high", y: "factor", fill: "var(--better)", r: 4.5 }),
    ],
  });
}

function percentTick(ratio: number): string {
  const percent = Number((ratio * 100).toPrecision(3));
  return `${percent > 0 ? "+" : ""}${percent} %`;
}
