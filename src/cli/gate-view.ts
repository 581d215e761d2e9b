import Table from "cli-table3";
import type { GateResult } from "../../simulator/gate/gate.ts";
import { gateNotes, gateRows, gateTitle } from "../../simulator/report/gate-rows.ts";

/** The gate's table of errors as text for people. */
export function formatGate(gate: GateResult): string {
  const [head = [], ...rows] = gateRows(gate);
  const table = new Table({
    head: [...head],
    colAligns: ["left", "right", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return [gateTitle(gate), table.toString(), ...gateNotes(gate)].join("\n");
}
