import * as Plot from "@observablehq/plot";
import type { ExperimentResult } from "../../experiment/result.ts";
import { draw, logMsScale, policyColor, policyDash, type ReportPlot } from "../plot-kit.ts";

/** Which share of the requests has its first token within a time, by policy, for one seed. */
export function plotTtftCdf({ details, plan }: ExperimentResult): ReportPlot[] {
  const points = details.flatMap(({ ttftCdf }) => ttftCdf);
  if (points.length === 0) return [];
  const svg = draw("Share of requests by time to first token, for each policy", {
    x: {
      label: "time to first token, log →",
      ...logMsScale([...points.map(({ ms }) => ms), plan.slo.ttftMs]),
      grid: true,
    },
    y: {
      label: "↑ share of requests",
      domain: [0, 1],
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      grid: true,
    },
    marks: [
      Plot.ruleX([plan.slo.ttftMs], { stroke: "currentColor", strokeDasharray: "2 3", strokeOpacity: 0.7 }),
      Plot.text([plan.slo.ttftMs], {
        x: (ms: number) => ms,
        y: 0.03,
        text: () => "objective",
        textAnchor: "end",
        dx: -5,
        fill: "currentColor",
      }),
      ...details.map(({ ttftCdf }, at) =>
        Plot.line(ttftCdf, {
          x: "ms",
          y: "share",
          stroke: policyColor(at),
          strokeWidth: 2,
          strokeDasharray: policyDash(at),
        }),
      ),
    ],
  });
  return [
    {
      id: "ttft",
      title: "Time to first token",
      caption: `Seed ${plan.firstSeed}. Further left is better: a point says which share of the requests had its first token by then.`,
      hasPolicies: true,
      panels: [{ heading: "", svg }],
    },
  ];
}
