import * as Plot from "@observablehq/plot";
import type { PairedResult } from "../../experiment/compare.ts";
import { figures } from "../../experiment/figures.ts";
import type { ExperimentResult, TornadoBar } from "../../experiment/result.ts";
import { groupMeans } from "../../statistics/nested-spread.ts";
import { formatMsTick, draw, logMsScale, policyColor, zeroX, type ReportPlot } from "../plot-kit.ts";

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
        "The first policy against the second on the same requests: mean and 95 % interval of the difference. Blue is better, orange worse, grey undecided.",
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
    x: { label: "difference →", tickFormat: percentTick, grid: true, ticks: 3, inset: 8 },
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
  if (plan.seeds < 2 || plan.reconstructions !== undefined) return [];
  const svg = dotsByPolicy("TTFT p99 of every seed, for each policy", dots, {
    label: "TTFT p99, log →",
    ...logMsScale(dots.map(({ ms }) => ms)),
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

const ofLoads = "Over reconstructions, one dot a load: what the metrics do not say of it moves the figure so far.";
const ofChance = "Over seeds, one dot a run: so far chance in pickers and samples moves it on one and the same load.";

/** TTFT p99 of a reconstructed load in the first condition: what differs from load to load, and what from seed to seed on one load. */
export function plotReconstructions({ cells, plan }: ExperimentResult): ReportPlot[] {
  const { reconstructions, seeds } = plan;
  if (reconstructions === undefined) return [];
  const policies = cells[0]?.policies ?? [];
  const runs = policies.map(({ bySeed }) => bySeed["ttftMs.p99"] ?? []);
  const means = runs.map((values) => groupMeans(values, seeds));
  const over = (values: readonly (readonly number[])[]): Dot[] =>
    policies.flatMap(({ name }, at) => (values[at] ?? []).map((ms) => ({ name, ms, at })));
  const loads = over(means);
  const chance = over(runs.map((values, at) => values.map((ms, i) => ms - (means[at]?.[Math.floor(i / seeds)] ?? ms))));
  const panels = [
    {
      heading: `Over ${reconstructions} reconstructions`,
      svg: dotsByPolicy("TTFT p99 of every reconstruction, for each policy", loads, {
        label: "TTFT p99, mean over the seeds, log →",
        ...logMsScale(loads.map(({ ms }) => ms)),
        width: 430,
      }),
    },
    {
      heading: `Over ${seeds} seeds of each`,
      svg: dotsByPolicy("TTFT p99 of every run less that of its reconstruction, for each policy", chance, {
        label: "less the mean of the reconstruction, ms →",
        ticks: 5,
        width: 430,
      }),
    },
  ];
  return [
    {
      id: "reconstructions",
      title: "Spread over reconstructions and over seeds",
      caption: seeds < 2 ? ofLoads : `${ofLoads} ${ofChance}`,
      isWide: true,
      panels: seeds < 2 ? panels.slice(0, 1) : panels,
    },
  ];
}

interface Dot {
  readonly name: string;
  readonly ms: number;
  /** Place of the policy. */
  readonly at: number;
}

function dotsByPolicy(
  label: string,
  dots: readonly Dot[],
  { width = 640, ...x }: Plot.ScaleOptions & { readonly width?: number },
): string {
  const names = [...new Set(dots.map(({ name }) => name))];
  return draw(label, {
    width,
    height: 70 + 30 * names.length,
    marginLeft: 130,
    x: { tickFormat: formatMsTick, grid: true, inset: 8, ...x },
    y: { label: null, domain: names },
    marks: [
      Plot.dot(dots, {
        x: "ms",
        y: "name",
        stroke: ({ at }: Dot) => policyColor(at),
        strokeWidth: 1.5,
        fill: ({ at }: Dot) => policyColor(at),
        fillOpacity: 0.3,
        r: 5,
      }),
    ],
  });
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
    x: { label: "difference of TTFT p99 →", tickFormat: percentTick, grid: true, ticks: 3, inset: 8 },
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
