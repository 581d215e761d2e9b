import type { FittedReplica } from "../../simulator/experiment/fitted-replica.ts";
import { coefficientQuality, coefficientRows, coefficientTitle } from "../../simulator/report/coefficient-rows.ts";
import { newTable } from "./report-text.ts";

/** Coefficients of a plan as text for people, with how well they were fitted. */
export function formatCoefficientTable(fitted: FittedReplica): string {
  const [head = [], ...rows] = coefficientRows(fitted);
  const table = newTable(head, 1, 1);
  table.push(...rows.map((row) => [...row]));
  return [coefficientTitle(fitted), table.toString(), coefficientQuality(fitted)]
    .filter((line) => line !== "")
    .join("\n");
}
