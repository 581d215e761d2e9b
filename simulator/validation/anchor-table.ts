import type { AnchorResult, ArmFigure } from "./run-anchor.ts";

/** The result of an anchor in Markdown: figures beside the published ones, claims, order. */
export function formatAnchor({ anchor, seeds, figures, claims, tau }: AnchorResult): string {
  return [
    `### ${anchor.ids.join(", ")}: ${anchor.title}`,
    "",
    `Published: ${anchor.source}.`,
    "",
    `Simulated: ${anchor.setup} Seeds 1 to ${seeds}.`,
    "",
    "| figure | arm | published | ours, mean | 95 % interval | seeds from..to |",
    "|---|---|---|---|---|---|",
    ...figures.map(formatFigure),
    "",
    ...claims.map(({ text, isMet }) => `- ${isMet ? "met" : "missed"}: ${text}`),
    ...(anchor.order === undefined ? [] : [`- Kendall tau of the order by ${anchor.order.label}: ${formatTau(tau)}`]),
  ].join("\n");
}

/** Anchors, one a line: how many claims are met and whether the order is that of the published figures. */
export function formatOverview(results: readonly AnchorResult[]): string {
  const taus = results.map(({ tau }) => tau).filter((tau) => !Number.isNaN(tau));
  const mean = taus.reduce((sum, tau) => sum + tau, 0) / taus.length;
  return [
    "| anchor | what | claims met | Kendall tau |",
    "|---|---|---|---|",
    ...results.map(({ anchor, claims, tau }) => {
      const met = claims.filter(({ isMet }) => isMet).length;
      return `| ${anchor.ids.join(", ")} | ${anchor.title} | ${met} of ${claims.length} | ${formatTau(tau)} |`;
    }),
    `| all | mean over the anchors with an order | | ${formatTau(mean)} |`,
  ].join("\n");
}

function formatFigure({ arm, figure, ours, bySeed }: ArmFigure): string {
  const { label, digits, published } = figure;
  const text = (value: number): string => (Number.isNaN(value) ? "-" : value.toFixed(digits));
  const known = published[arm];
  const interval = `${text(ours.low)} .. ${text(ours.high)}`;
  const range = `${text(Math.min(...bySeed))} .. ${text(Math.max(...bySeed))}`;
  return `| ${label} | ${arm} | ${known ?? "-"} | ${text(ours.mean)} | ${interval} | ${range} |`;
}

function formatTau(tau: number): string {
  return Number.isNaN(tau) ? "no order" : tau.toFixed(2);
}
