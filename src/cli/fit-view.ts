import Table from "cli-table3";
import type { FittedReplica } from "../../simulator/experiment/fitted-replica.ts";
import { coefficientQuality, coefficientRows, coefficientTitle } from "../../simulator/report/coefficient-rows.ts";

/** Coefficients of a plan as text for people, with how well they were fitted. */
export function formatCoefficientTable(fitted: FittedReplica): string {
  const [head = [], ...rows] = coefficientRows(fitted);
  const table = new Table({
    head: [...head],
    colAligns: ["left", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return [coefficientTitle(fitted), table.toString(), coefficientQuality(fitted)]
    .filter((line) => line !== "")
    .join("\n");
}
