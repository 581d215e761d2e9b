import type { ArmReport, DemoReport } from "../../simulator/demo/report.ts";
import { formatMs } from "./demo-view.ts";
import { newTable } from "./report-text.ts";

/** The arms side by side, and what the picker changes, as text for people. */
export function formatSummary(report: DemoReport): string {
  const { arms, envoy, servers, seed, load, decisionMs } = report;
  const table = newTable(["", ...arms.map(({ name }) => name)], 1);
  for (const { label, read } of rows) table.push([label, ...arms.map(read)]);
  const lines = [
    table.toString(),
    ...compareWithPicker(arms),
    `Picker's decision: p50 ${decisionMs.p50} ms, p99 ${decisionMs.p99} ms`,
    `Envoy ${envoy.version}, ${servers} emulated servers, load "${load}", seed ${seed}`,
  ];
  return lines.join("\n");
}

const rows: readonly { readonly label: string; readonly read: (arm: ArmReport) => string }[] = [
  { label: "requests", read: ({ requests }) => `${requests}` },
  { label: "errors", read: ({ errors }) => `${errors}` },
  { label: "time to first token p50, ms", read: ({ ttftMs }) => formatMs(ttftMs.p50) },
  { label: "                     p90", read: ({ ttftMs }) => formatMs(ttftMs.p90) },
  { label: "                     p99", read: ({ ttftMs }) => formatMs(ttftMs.p99) },
  { label: "whole answer         p50, ms", read: ({ e2eMs }) => formatMs(e2eMs.p50) },
  { label: "                     p90", read: ({ e2eMs }) => formatMs(e2eMs.p90) },
  { label: "                     p99", read: ({ e2eMs }) => formatMs(e2eMs.p99) },
  { label: "output tokens a second", read: ({ outputTokensPerSecond }) => outputTokensPerSecond.toFixed(0) },
  { label: "prompt tokens from cache", read: ({ prefixHitRatio }) => `${(prefixHitRatio * 100).toFixed(0)} %` },
  {
    label: "busiest endpoint's share",
    read: ({ share }) => `${(Math.max(...Object.values(share)) * 100).toFixed(1)} %`,
  },
];

function compareWithPicker(arms: readonly ArmReport[]): string[] {
  const picker = arms.find(({ name }) => name === "picker");
  if (picker === undefined) return [];
  return arms
    .filter(({ name }) => name !== "picker")
    .map(({ name, ttftMs }) => {
      const ratio = (picker.ttftMs.p99 / ttftMs.p99).toFixed(2);
      return `Time to first token p99 with the picker: ${ratio} x that of ${name}`;
    });
}
