import type { Knee } from "../../simulator/experiment/knee.ts";
import type { CellResult, ExperimentResult, PolicyResult } from "../../simulator/experiment/result.ts";
import { formatCoefficientTable } from "./fit-view.ts";
import { formatGate } from "./gate-view.ts";
import { newTable } from "./report-text.ts";
import { findSeedGroups } from "../../simulator/experiment/seed-groups.ts";
import { listAssumptions } from "../../simulator/report/assumptions.ts";
import { figureRows } from "../../simulator/report/figure-rows.ts";
import { formatCount, formatNumber, formatShare } from "../../simulator/report/numbers.ts";
import { describeRuns } from "../../simulator/report/describe-runs.ts";
import { spreadRows, spreadTitle } from "../../simulator/report/spread-rows.ts";
import { describeCell } from "../../simulator/report/describe-cell.ts";
import { pairVerdicts } from "../../simulator/report/verdicts.ts";

const width = 110;

/** An experiment as text for people: a table for each condition, verdicts, then what was assumed. */
export function formatSimulation(result: ExperimentResult): string {
  const { trace, requests, cells, plan, knees } = result;
  const head = `${formatCount(requests)} requests of ${plan.load.kind === "metrics" ? "loads reconstructed from metrics: " : ""}${trace}, ${plan.preset}${plan.fitted === undefined ? "" : " with own coefficients"}, ${describeRuns(plan)}`;
  return [
    head,
    ...(plan.fitted === undefined ? [] : ["", formatCoefficientTable(plan.fitted)]),
    ...(plan.gate === undefined ? [] : ["", formatGate(plan.gate), ""]),
    ...formatKnees(knees),
    ...cells.flatMap((cell) => ["", ...formatCell(cell)]),
    "",
    ...listAssumptions(result).flatMap((line) => wrap(`- ${line}`)),
  ].join("\n");
}

function formatCell(cell: CellResult): string[] {
  const { policies, paired } = cell;
  const table = newTable(["", ...policies.map(({ name }) => name)], 1);
  for (const { label, read } of figureRows) table.push([label, ...policies.map(read)]);
  return [
    describeCell(cell),
    table.toString(),
    ...formatSpreads(cell),
    ...pairVerdicts(paired).flatMap(({ text }) => wrap(text)),
    ...policies.flatMap(describeGroups),
  ];
}

/** Of a reconstructed load: what differs from load to load, and what from seed to seed on one load. */
function formatSpreads(cell: CellResult): string[] {
  const rows = spreadRows(cell);
  if (rows.length === 0) return [];
  const table = newTable(["", ...cell.policies.map(({ name }) => name)], 1);
  table.push(...rows.map(({ label, values }) => [label, ...values]));
  return [spreadTitle, table.toString()];
}

function describeGroups({ name, bySeed }: PolicyResult): string[] {
  const groups = findSeedGroups(bySeed["ttftMs.p99"] ?? []);
  if (groups === undefined) return [];
  const tell = ({ count, mean }: typeof groups.lower): string => `${count} runs about ${formatNumber(mean)} ms`;
  return wrap(`${name} settles in one of two states: TTFT p99 of ${tell(groups.lower)}, of ${tell(groups.upper)}`);
}

function formatKnees(knees: readonly Knee[]): string[] {
  return knees.map(({ policy, rateScale, requestsPerSecond, attainment, lightAttainment }) =>
    rateScale === null
      ? `Knee of ${policy}: none found`
      : `Knee of ${policy}: ${formatNumber(requestsPerSecond ?? Number.NaN)} requests/s, rate scale ${Number(rateScale.toPrecision(4))}, ${formatShare(attainment ?? Number.NaN)} within objectives, ${formatShare(lightAttainment)} at a light load`,
  );
}

/** Lines of at most `width` columns; further lines are indented. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
