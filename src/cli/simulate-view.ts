import Table from "cli-table3";
import type { Knee } from "../../simulator/experiment/knee.ts";
import type { CellResult, ExperimentResult, PolicyResult } from "../../simulator/experiment/result.ts";
import { findSeedGroups } from "../../simulator/experiment/seed-groups.ts";
import { listAssumptions } from "../../simulator/report/assumptions.ts";
import { formatNumber, formatShare } from "../../simulator/report/numbers.ts";
import { pairVerdicts } from "../../simulator/report/verdicts.ts";

const width = 110;

/** An experiment as text for people: a table for each condition, verdicts, then what was assumed. */
export function formatSimulation(result: ExperimentResult): string {
  const { trace, requests, cells, plan, knees } = result;
  const head = `${requests.toLocaleString("en-US")} requests of ${trace}, ${plan.preset}, ${plan.seeds === 1 ? "1 seed" : `${plan.seeds} seeds`}`;
  return [
    head,
    ...formatKnees(knees),
    ...cells.flatMap((cell) => ["", ...formatCell(cell)]),
    "",
    ...listAssumptions(result).flatMap((line) => wrap(`- ${line}`)),
  ].join("\n");
}

function formatCell(cell: CellResult): string[] {
  const { rateScale, replicas, scrapeMs, offeredPerSecond, policies, paired } = cell;
  const title = `${replicas} replicas, ${formatNumber(offeredPerSecond)} requests/s (rate scale ${Number(rateScale.toPrecision(4))}), scraped every ${formatNumber(scrapeMs)} ms`;
  const table = new Table({
    head: ["", ...policies.map(({ name }) => name)],
    colAligns: ["left", ...policies.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, read } of rows) table.push([label, ...policies.map(read)]);
  return [
    title,
    table.toString(),
    ...pairVerdicts(paired).flatMap(({ text }) => wrap(text)),
    ...policies.flatMap(describeGroups),
  ];
}

const rows: readonly { readonly label: string; readonly read: (policy: PolicyResult) => string }[] = [
  { label: "time to first token p50, ms", read: (policy) => withHalf(policy, policy.ttftMs.p50, "ttftMs.p50") },
  { label: "                    p90", read: (policy) => withHalf(policy, policy.ttftMs.p90, "ttftMs.p90") },
  { label: "                    p99", read: (policy) => withHalf(policy, policy.ttftMs.p99, "ttftMs.p99") },
  { label: "between tokens      mean, ms", read: (policy) => withHalf(policy, policy.itlMs.mean, "itlMs.mean") },
  { label: "                    p99", read: (policy) => withHalf(policy, policy.itlMs.p99, "itlMs.p99") },
  { label: "whole answer        mean, ms", read: (policy) => withHalf(policy, policy.e2eMs.mean, "e2eMs.mean") },
  { label: "                    p99", read: (policy) => withHalf(policy, policy.e2eMs.p99, "e2eMs.p99") },
  { label: "goodput, requests/s", read: (policy) => withHalf(policy, policy.goodput, "goodput") },
  { label: "requests within objectives", read: ({ attainment }) => formatShare(attainment) },
  {
    label: "output tokens/s",
    read: (policy) => withHalf(policy, policy.outputTokensPerSecond, "outputTokensPerSecond"),
  },
  { label: "prompt tokens from cache", read: ({ prefixHitRatio }) => formatShare(prefixHitRatio) },
  { label: "busiest replica, x mean", read: ({ maxOverMean }) => maxOverMean.toFixed(2) },
  { label: "preemptions", read: ({ preemptions }) => formatNumber(preemptions) },
  {
    label: "refused / unfinished",
    read: ({ refused, unfinished }) => `${formatNumber(refused)} / ${formatNumber(unfinished)}`,
  },
];

/** "812 ±34": a mean and half its interval. */
function withHalf({ intervals }: PolicyResult, mean: number, metric: string): string {
  const interval = intervals[metric];
  if (interval === null || interval === undefined) return formatNumber(mean);
  return `${formatNumber(mean)} ±${formatNumber((interval[1] - interval[0]) / 2)}`;
}

function describeGroups({ name, bySeed }: PolicyResult): string[] {
  const groups = findSeedGroups(bySeed["ttftMs.p99"] ?? []);
  if (groups === undefined) return [];
  const tell = ({ count, mean }: typeof groups.lower): string => `${count} seeds about ${formatNumber(mean)} ms`;
  return wrap(`${name} settles in one of two states: TTFT p99 of ${tell(groups.lower)}, of ${tell(groups.upper)}`);
}

function formatKnees(knees: readonly Knee[]): string[] {
  return knees.map(({ policy, rateScale, requestsPerSecond, attainment }) =>
    rateScale === null
      ? `Knee of ${policy}: none found`
      : `Knee of ${policy}: ${formatNumber(requestsPerSecond ?? Number.NaN)} requests/s, rate scale ${Number(rateScale.toPrecision(4))}, ${formatShare(attainment ?? Number.NaN)} within objectives`,
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
