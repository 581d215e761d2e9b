import type { ExperimentPlan } from "../experiment/plan.ts";
import type { CellResult, ExperimentResult } from "../experiment/result.ts";
import { listAssumptions } from "./assumptions.ts";
import { coefficientQuality, coefficientRows, coefficientTitle } from "./coefficient-rows.ts";
import { describeCell } from "./describe-cell.ts";
import { figureRows } from "./figure-rows.ts";
import { describeRuns } from "./describe-runs.ts";
import { gateNotes, gateRows, gateTitle } from "./gate-rows.ts";
import { formatCount } from "./numbers.ts";
import { formatPage, type PageTable } from "./page.ts";
import { plotForest, plotReconstructions, plotSeeds, plotTornado } from "./plots/comparisons.ts";
import { plotGate } from "./plots/gate.ts";
import { plotHeatMaps, plotHitRatio } from "./plots/over-time.ts";
import { plotPareto } from "./plots/pareto.ts";
import { plotRateCurves, plotStaleness } from "./plots/rate-curves.ts";
import { plotTtftCdf } from "./plots/ttft-cdf.ts";
import { spreadRows, spreadTitle } from "./spread-rows.ts";
import { pairVerdicts } from "./verdicts.ts";

const plots = [
  plotGate,
  plotRateCurves,
  plotStaleness,
  plotForest,
  // Wide ones stand before narrow ones, of which two share a row.
  plotReconstructions,
  plotTtftCdf,
  plotSeeds,
  plotPareto,
  plotHitRatio,
  plotTornado,
  plotHeatMaps,
];

/** An experiment as one HTML document with every plot that its conditions allow. The same experiment gives the same text. */
export function formatReport(result: ExperimentResult): string {
  const { trace, requests, plan, cells } = result;
  const [first] = cells;
  return formatPage({
    title: `Policies on ${trace}`,
    subtitle: `${formatCount(requests)} requests${plan.load.kind === "metrics" ? ", loads reconstructed from metrics" : ""}, ${plan.preset}${plan.fitted === undefined ? "" : " with own coefficients"}, ${describeRuns(plan)}; ${cells.length === 1 && first !== undefined ? describeCell(first) : `${cells.length} conditions`}`,
    policies: plan.policies.map(({ name }) => name),
    verdicts: cells.length === 1 ? pairVerdicts(first?.paired ?? []) : cells.flatMap(verdictsOf),
    plots: plots.flatMap((plot) => plot(result)),
    tables: [
      ...cells.flatMap((cell) => [formatFigures(cell, cells.length > 1), ...formatSpreads(cell, cells.length > 1)]),
      ...formatGround(plan),
    ],
    assumptions: listAssumptions(result),
  });
}

function verdictsOf(cell: CellResult): { verdict: string; text: string }[] {
  return pairVerdicts(cell.paired).map(({ verdict, text }) => ({ verdict, text: `${describeCell(cell)}: ${text}` }));
}

/** What the figures stand on: coefficients that are not the preset's, and the gate. */
function formatGround({ fitted, gate }: ExperimentPlan): PageTable[] {
  const tables: PageTable[] = [];
  if (fitted !== undefined) {
    const caption = [coefficientTitle(fitted), coefficientQuality(fitted)].filter((text) => text !== "").join(": ");
    tables.push({ caption, rows: coefficientRows(fitted) });
  }
  if (gate !== undefined)
    tables.push({ caption: [`${gateTitle(gate)}.`, ...gateNotes(gate)].join(" "), rows: gateRows(gate) });
  return tables;
}

function formatSpreads(cell: CellResult, isOneOfMany: boolean): PageTable[] {
  const rows = spreadRows(cell);
  if (rows.length === 0) return [];
  const caption = isOneOfMany ? `${describeCell(cell)}: ${spreadTitle}` : spreadTitle;
  const head = ["", ...cell.policies.map(({ name }) => name)];
  return [{ caption, rows: [head, ...rows.map(({ name, values }) => [name, ...values])] }];
}

function formatFigures(cell: CellResult, isOneOfMany: boolean): PageTable {
  return {
    caption: isOneOfMany ? describeCell(cell) : "Figures",
    rows: [
      ["", ...cell.policies.map(({ name }) => name)],
      ...figureRows.map(({ name, read }) => [name, ...cell.policies.map(read)]),
    ],
  };
}
