import * as Plot from "@observablehq/plot";
import type { PoolChange } from "../../engine/options.ts";
import { poolChangesOf } from "../../experiment/pool-changes-of.ts";
import type { ExperimentResult } from "../../experiment/result.ts";
import type { RunDetail } from "../../experiment/run-detail.ts";
import { formatNumber } from "../numbers.ts";
import { draw, policyColor, policyDash, type ReportPlot } from "../plot-kit.ts";

interface Shade {
  readonly from: number;
  readonly to: number;
  readonly replica: number;
  readonly share: number;
}

/** Waiting requests and used KV cache of every replica over time, by policy. */
export function plotHeatMaps({ details, plan }: ExperimentResult): ReportPlot[] {
  if (details.length === 0) return [];
  const changes = poolChangesOf(plan.load).filter(({ atMs }) => atMs > 0);
  const strokes = changes.length === 0 ? "" : " A stroke is a change of the pool.";
  const mostWaiting = Math.max(1, ...details.flatMap(({ waiting }) => waiting.flat()));
  const maps = [
    {
      id: "waiting",
      title: "Waiting requests by replica",
      read: ({ waiting }: RunDetail) => waiting,
      most: mostWaiting,
      extent: ` to ${formatNumber(mostWaiting)}`,
    },
    {
      id: "kv",
      title: "KV cache in use by replica",
      read: ({ kvCacheRatio }: RunDetail) => kvCacheRatio,
      most: 1,
      extent: " to the whole cache",
    },
  ];
  return maps.map(({ id, title, read, most, extent }) => ({
    id,
    title,
    caption: `Seed ${plan.firstSeed}, one row a replica, the same shades in every panel: from none${extent}.${strokes}`,
    panels: details.map((detail, at) => ({
      heading: plan.policies[at]?.name ?? "",
      svg: heatMap(`${title} over time under ${plan.policies[at]?.name}`, {
        values: read(detail),
        sliceMs: detail.sliceMs,
        most,
        changes,
      }),
    })),
  }));
}

interface HeatMap {
  /** By slice, then by replica. */
  readonly values: readonly (readonly number[])[];
  readonly sliceMs: number;
  /** What the strongest shade stands for. */
  readonly most: number;
  readonly changes: readonly PoolChange[];
}

function heatMap(label: string, { values, sliceMs, most, changes }: HeatMap): string {
  const strokes = changes.filter(({ atMs }) => atMs < values.length * sliceMs);
  const minutes = sliceMs / 60_000;
  const shades = values.flatMap((row, slice) =>
    row.map(
      (value, replica): Shade => ({ from: slice * minutes, to: (slice + 1) * minutes, replica, share: value / most }),
    ),
  );
  const replicas = values[0]?.length ?? 0;
  return draw(label, {
    height: 66 + 13 * replicas,
    marginLeft: 36,
    x: { label: "minutes →" },
    y: { label: null, type: "band", padding: 0.08, domain: Array.from({ length: replicas }, (_, i) => i) },
    marks: [
      Plot.barX(shades, {
        x1: "from",
        x2: "to",
        y: "replica",
        fill: shadeOf,
        inset: -0.25,
        insetTop: 0,
        insetBottom: 0,
      }),
      Plot.tickX(strokes, {
        x: ({ atMs }: PoolChange) => atMs / 60_000,
        y: "replica",
        stroke: "var(--worse)",
        strokeWidth: 2,
      }),
    ],
  });
}

/** In tenths, so that equal neighbours look equal. */
function shadeOf({ share }: Shade): string {
  const percent = Math.round(Math.min(1, share) ** 0.6 * 20) * 5;
  return `color-mix(in oklab, var(--heat-high) ${percent}%, var(--heat-low))`;
}

/** Which share of looked-up prompt tokens was in a prefix cache, over time. */
export function plotHitRatio({ details, plan }: ExperimentResult): ReportPlot[] {
  const lines = details.map(({ hitRatio, sliceMs }) =>
    hitRatio.flatMap((ratio, slice) =>
      Number.isFinite(ratio) ? [{ minutes: ((slice + 0.5) * sliceMs) / 60_000, ratio }] : [],
    ),
  );
  if (lines.every((line) => line.every(({ ratio }) => ratio === 0))) return [];
  const svg = draw("Prefix hit ratio over time, for each policy", {
    x: { label: "minutes →", grid: true },
    y: {
      label: "↑ of prompt tokens",
      zero: true,
      tickFormat: (ratio: number) => `${Math.round(ratio * 100)} %`,
      grid: true,
      ticks: 6,
    },
    marks: lines.map((line, at) =>
      Plot.lineY(line, {
        x: "minutes",
        y: "ratio",
        stroke: policyColor(at),
        strokeWidth: 1.75,
        strokeDasharray: policyDash(at),
      }),
    ),
  });
  return [
    {
      id: "hits",
      title: "Prompt tokens from the prefix cache",
      caption: `Seed ${plan.firstSeed}. Caches are cold at the start.`,
      hasPolicies: true,
      panels: [{ heading: "", svg }],
    },
  ];
}
