import Table from "cli-table3";
import type { ReplayedConfigReport, ReplayReport } from "../../simulator/recording/replay-tally.ts";
import { printableText } from "../lib/printable-text.ts";

const maxChanges = 12;

/** A replay as text: how many decisions each config changes, from where to where, and by what margins. */
export function formatReplay(report: ReplayReport): string {
  const { recording, pool, startedAt, decisions, recorded, configs, cautions } = report;
  const all = [recorded, ...configs];
  return [
    `Recording ${recording} of pool ${printableText(pool, 100)}, begun ${startedAt}: ${decisions} decisions`,
    verdictOf(recorded),
    ...cautions.map((caution) => `Caution: ${printableText(caution, 500)}`),
    "",
    overview(all),
    ...configs.flatMap(changesOf),
    ...(all.length > 2 ? ["", "Share of decisions in which two differ:", disagreement(report)] : []),
    "",
    "Every config decides over the endpoints as they were recorded; they did not react to other picks, so no latency is",
    "claimed. epp simulate rehearses that.",
  ].join("\n");
}

function verdictOf({ identical, decisions }: ReplayedConfigReport): string {
  if (identical === decisions) return "The recorded config decides all of them as recorded.";
  return `The recorded config decides ${decisions - identical} of them otherwise than recorded: the rest is to be read with care.`;
}

function overview(configs: readonly ReplayedConfigReport[]): string {
  const table = new Table({ head: ["", ...configs.map(({ name }) => printableText(name, 40))], style: plain });
  const row = (title: string, cell: (config: ReplayedConfigReport) => string): void => {
    table.push([title, ...configs.map((config) => ({ content: cell(config), hAlign: "right" as const }))]);
  };
  row("as recorded", ({ identical, decisions }) => percent(identical / Math.max(1, decisions)));
  row("changed", ({ identical, decisions }) => `${decisions - identical}`);
  row("refused", ({ refused }) => `${refused}`);
  row("busiest endpoint's share", ({ shares }) => percent(Math.max(0, ...Object.values(shares))));
  row("for the most loaded candidate", ({ mostLoadedShare }) =>
    mostLoadedShare === null ? "-" : percent(mostLoadedShare),
  );
  row("margin p10 / p50 / p90", ({ margin }) =>
    margin === null ? "-" : [margin.p10, margin.p50, margin.p90].map((value) => value.toFixed(3)).join(" / "),
  );
  row("another endpoint than before", ({ switches, decisions }) => percent(switches / Math.max(1, decisions - 1)));
  return table.toString();
}

function changesOf({ name, changes }: ReplayedConfigReport): string[] {
  if (changes.length === 0) return ["", `${printableText(name, 100)} changes nothing.`];
  const rows = changes.slice(0, maxChanges);
  const width = Math.max(...rows.map(({ requests }) => `${requests}`.length));
  const lines = rows.map(
    ({ from, to, requests }) =>
      `  ${`${requests}`.padStart(width)}  ${printableText(from, 80)} -> ${printableText(to, 80)}`,
  );
  const rest = changes.length - rows.length;
  const more = rest > 0 ? [`  .. and ${rest} more pairs`] : [];
  return ["", `${printableText(name, 100)} would have sent, instead of as recorded:`, ...lines, ...more];
}

function disagreement({ recorded, configs, disagreement: shares }: ReplayReport): string {
  const names = [recorded, ...configs].map(({ name }) => printableText(name, 40));
  const table = new Table({ head: ["", ...names], style: plain });
  for (const [i, name] of names.entries()) {
    const cells = (shares[i] ?? []).map((share, j) => ({
      content: i === j ? "" : percent(share),
      hAlign: "right" as const,
    }));
    table.push([name, ...cells]);
  }
  return table.toString();
}

const plain = { head: [], border: [], compact: true };

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
