import Table from "cli-table3";
import type { GateResult, GateRow } from "../../simulator/gate/gate.ts";
import { formatNumber } from "../../simulator/report/numbers.ts";

/** The gate's table of errors as text for people. */
export function formatGate({ policy, rows, passes, notes }: GateResult): string {
  const table = new Table({
    head: ["", "recorded", "simulated", "error", "allowed", ""],
    colAligns: ["left", "right", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const { what, recorded, simulated, error, allowed } = row;
    table.push([what, ...[recorded, simulated, error, allowed].map(numberText), verdictOf(row)]);
  }
  const verdict = passes ? "reproduces the record" : "does not reproduce the record";
  return [`Gate: ${policy}, simulated first, ${verdict}`, table.toString(), ...notes].join("\n");
}

function numberText(value: number | null): string {
  return value === null ? "" : formatNumber(value);
}

function verdictOf({ passes, error }: GateRow): string {
  if (passes === null) return error === null ? "not known" : "not judged";
  return passes ? "ok" : "too far off";
}
