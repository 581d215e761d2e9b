import type { GateResult } from "../../simulator/gate/gate.ts";
import { gateNotes, gateRows, gateTitle } from "../../simulator/report/gate-rows.ts";
import { newTable } from "./report-text.ts";

/** The gate's table of errors as text for people. */
export function formatGate(gate: GateResult): string {
  const [head = [], ...rows] = gateRows(gate);
  const table = newTable(head, 1, 1);
  table.push(...rows.map((row) => [...row]));
  return [gateTitle(gate), table.toString(), ...gateNotes(gate)].join("\n");
}
