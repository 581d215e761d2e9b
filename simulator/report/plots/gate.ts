import * as Plot from "@observablehq/plot";
import type { ExperimentResult } from "../../experiment/result.ts";
import type { GaugeKey } from "../../gate/pool-curves.ts";
import { draw, type ReportPlot } from "../plot-kit.ts";

const titles: Readonly<Record<GaugeKey, string>> = {
  running: "Running requests",
  waiting: "Waiting requests",
  kvCacheRatio: "KV cache in use",
};

/** What was recorded and what the simulated recorded policy showed, over time; none without a gate. */
export function plotGate({ plan }: ExperimentResult): ReportPlot[] {
  const { gate } = plan;
  if (gate === undefined) return [];
  const { recorded, simulated, sliceMs } = gate.overTime;
  const toPoints = (values: readonly (number | null)[]): Point[] =>
    values.flatMap((value, slice) => (value === null ? [] : [{ minutes: ((slice + 0.5) * sliceMs) / 60_000, value }]));
  const panels = (Object.keys(titles) as GaugeKey[]).flatMap((key) => {
    const [left, right] = [toPoints(recorded[key]), toPoints(simulated[key])];
    if (left.length < 2 || right.length < 2) return [];
    return [{ heading: titles[key], svg: overlay(`${titles[key]} over time, recorded and simulated`, left, right) }];
  });
  if (panels.length === 0) return [];
  return [
    {
      id: "gate",
      title: `The gate: ${gate.policy} as recorded and as simulated`,
      caption:
        "Means over the servers. Full line: recorded; dashed line: simulated under the recorded policy, which was not told any of it but the load.",
      isWide: true,
      panels,
    },
  ];
}

interface Point {
  readonly minutes: number;
  readonly value: number;
}

function overlay(label: string, recorded: readonly Point[], simulated: readonly Point[]): string {
  const line = (points: readonly Point[], options: Plot.LineYOptions): Plot.Markish =>
    Plot.lineY(points, { x: "minutes", y: "value", strokeWidth: 1.75, ...options });
  const most = Math.max(...[...recorded, ...simulated].map(({ value }) => value));
  return draw(label, {
    width: 430,
    x: { label: "minutes →", grid: true, ticks: 5 },
    // Where nothing but zeros are known, the axis goes up to one.
    y: { label: null, domain: [0, most > 0 ? most : 1], grid: true, ticks: 6 },
    marks: [
      line(recorded, { stroke: "currentColor" }),
      line(simulated, { stroke: "var(--better)", strokeDasharray: "6 3" }),
    ],
  });
}
